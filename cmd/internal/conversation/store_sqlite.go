package conversation

import "github.com/oidcservice/oidc/state"

func openSQLite(string) (state.Store, func(), error) {
	return nil, nil, fault("store", "this build has no sqlite store")
}
