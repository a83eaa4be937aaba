package readme

import (
	"testing"

	"github.com/oidcservice/oidc/state"
	"github.com/oidcservice/oidc/state/statetest"
)

func TestDirStore(t *testing.T) {
	statetest.Run(t, statetest.Suite{Open: func(t testing.TB) state.Store {
		return &DirStore{Dir: t.TempDir()}
	}})
}
