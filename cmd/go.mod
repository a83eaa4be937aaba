module github.com/oidcservice/oidc/cmd

go 1.26.0

require (
	github.com/go-sql-driver/mysql v1.10.1 // --store mysql://…
	github.com/jackc/pgx/v5 v5.12.0 // --store postgres://…
	github.com/oidcservice/oidc v0.0.0
	github.com/oidcservice/oidc/state/redisstate v0.0.0
	github.com/oidcservice/oidc/state/sqlstate v0.0.0
	github.com/prometheus/client_golang v1.25.0 // the metrics of "oidc op"
	github.com/redis/rueidis v1.0.79 // --store redis://…
	github.com/spf13/cobra v1.10.2 // commands, flags and shell completion
	github.com/spf13/pflag v1.0.9
	go.yaml.in/yaml/v3 v3.0.6 // scripts; the maintained successor of gopkg.in/yaml.v3
	golang.org/x/crypto v0.58.0 // argon2id and bcrypt, for the users of "oidc op"
	golang.org/x/net v0.62.0 // the HTML parser and public suffixes of the browser without a screen
	golang.org/x/term v0.47.0 // whether stdout is a terminal, and how wide
	modernc.org/sqlite v1.60.1 // --store sqlite:FILE, without cgo
)

require (
	filippo.io/edwards25519 v1.2.0 // indirect
	github.com/beorn7/perks v1.0.1 // indirect
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/decred/dcrd/dcrec/secp256k1/v4 v4.4.1 // indirect
	github.com/dustin/go-humanize v1.0.1 // indirect
	github.com/goccy/go-json v0.10.6 // indirect
	github.com/google/go-querystring v1.2.0 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/inconshreveable/mousetrap v1.1.0 // indirect
	github.com/jackc/pgpassfile v1.0.0 // indirect
	github.com/jackc/pgservicefile v0.0.0-20240606120523-5a60cdf6a761 // indirect
	github.com/jackc/puddle/v2 v2.2.3 // indirect
	github.com/lestrrat-go/blackmagic v1.0.4 // indirect
	github.com/lestrrat-go/httpcc v1.0.1 // indirect
	github.com/lestrrat-go/httprc v1.0.6 // indirect
	github.com/lestrrat-go/iter v1.0.2 // indirect
	github.com/lestrrat-go/jwx/v2 v2.1.7 // indirect
	github.com/lestrrat-go/option v1.0.1 // indirect
	github.com/mattn/go-isatty v0.0.24 // indirect
	github.com/munnerz/goautoneg v0.0.0-20191010083416-a7dc8b61c822 // indirect
	github.com/ncruces/go-strftime v1.0.0 // indirect
	github.com/prometheus/client_model v0.6.3 // indirect
	github.com/prometheus/common v0.72.0 // indirect
	github.com/prometheus/procfs v0.22.0 // indirect
	github.com/remyoudompheng/bigfft v0.0.0-20230129092748-24d4a6f8daec // indirect
	github.com/segmentio/asm v1.2.1 // indirect
	golang.org/x/sync v0.24.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/text v0.43.0 // indirect
	google.golang.org/protobuf v1.36.12 // indirect
	modernc.org/libc v1.77.1 // indirect
	modernc.org/mathutil v1.7.1 // indirect
	modernc.org/memory v1.12.1 // indirect
)

replace (
	github.com/oidcservice/oidc => ../
	github.com/oidcservice/oidc/state/redisstate => ../state/redisstate
	github.com/oidcservice/oidc/state/sqlstate => ../state/sqlstate
)
