package endpoint

import "context"

// createsAccounts reports whether prompt=create can be met.
func (c *Context) createsAccounts() bool {
	_, ok := c.users.(AccountCreator)
	return ok
}

// createAccount makes the account that a user asks for. Tries are limited for each source,
// so that nobody finds out which names are taken by trying many.
func (s *Step) createAccount(ctx context.Context, answer Answer) (*Authentication, Failure, error) {
	creator, ok := s.Context.users.(AccountCreator)
	if !ok {
		return nil, FailureAccount, nil
	}
	try := &attempt{context: s.Context, who: "create\x00" + answer.RemoteAddr}
	left, err := try.count(ctx)
	if err != nil {
		return nil, FailureNone, err
	}
	if !left {
		return nil, FailureAttempts, nil
	}
	who, ok, err := creator.CreateAccount(ctx, answer.Username, answer.Password)
	switch {
	case err != nil:
		return nil, FailureNone, err
	case !ok:
		return nil, FailureAccount, nil
	}
	return &who, FailureNone, checkUserID(who.User)
}
