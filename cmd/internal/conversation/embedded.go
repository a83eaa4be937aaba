package conversation

func embedded(*Settings, IO) (*world, error) {
	return nil, fault("issuer", "this build has no embedded provider; name one")
}
