module github.com/oidcservice/oidc/state/sqlstate/sqltest

go 1.26.0

require (
	github.com/go-sql-driver/mysql v1.10.1 // MySQL and MariaDB
	github.com/jackc/pgx/v5 v5.12.0 // PostgreSQL
	github.com/oidcservice/oidc v0.0.0 // state, and statetest for its rules
	github.com/oidcservice/oidc/state/internal/outage v0.0.0 // servers that are killed, and what goes on meanwhile
	github.com/oidcservice/oidc/state/sqlstate v0.0.0 // what is tested
	modernc.org/sqlite v1.60.1 // SQLite, without C
)

require (
	filippo.io/edwards25519 v1.2.0 // indirect
	github.com/dustin/go-humanize v1.1.0 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/jackc/pgpassfile v1.0.0 // indirect
	github.com/jackc/pgservicefile v0.0.0-20240606120523-5a60cdf6a761 // indirect
	github.com/jackc/puddle/v2 v2.2.3 // indirect
	github.com/mattn/go-isatty v0.0.24 // indirect
	github.com/ncruces/go-strftime v1.1.0 // indirect
	github.com/remyoudompheng/bigfft v0.0.0-20230129092748-24d4a6f8daec // indirect
	golang.org/x/sync v0.24.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/text v0.41.0 // indirect
	modernc.org/libc v1.77.1 // indirect
	modernc.org/mathutil v1.7.1 // indirect
	modernc.org/memory v1.12.1 // indirect
)

replace (
	github.com/oidcservice/oidc => ../../..
	github.com/oidcservice/oidc/state/internal/outage => ../../internal/outage
	github.com/oidcservice/oidc/state/sqlstate => ..
)
