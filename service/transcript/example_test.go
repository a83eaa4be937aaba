package transcript_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"log"
	"time"

	"github.com/oidcservice/oidc/op/optest"
	"github.com/oidcservice/oidc/rp"
	"github.com/oidcservice/oidc/service"
	"github.com/oidcservice/oidc/service/transcript"
	"github.com/oidcservice/oidc/servicecontext"
)

// A conversation is recorded with a provider, and played back without one.
func Example() {
	provider, err := optest.New()
	if err != nil {
		log.Fatal(err)
	}
	client := rp.NewClient(rp.ClientOptions{Transport: provider.Transport()})

	recorder := transcript.NewRecorder(time.Now, rand.Reader)
	discover(servicecontext.Config{Now: recorder.Now, Rand: recorder}, recorder.Send(client.Send, nil))

	player := transcript.NewPlayer(recorder.Transcript(nil))
	discover(servicecontext.Config{Now: player.Now, Rand: player}, player.Send)
	fmt.Println("differences:", len(player.Differences()))
	// Output:
	// https://op.example/token
	// https://op.example/token
	// differences: 0
}

// discover learns about the provider.
func discover(config servicecontext.Config, send service.SendFunc) {
	config.Issuer = optest.Issuer
	sc, err := servicecontext.New(config)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := service.Run(context.Background(), service.NewProviderInfo(service.Env{Context: sc}), service.Args{}, send); err != nil {
		log.Fatal(err)
	}
	fmt.Println(sc.Snapshot().Provider.TokenEndpoint)
}
