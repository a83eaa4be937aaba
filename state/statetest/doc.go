// Package statetest checks a state.Store: Run has a case for each sentence of
// the documentation of Store, Swapper and Grouper, and a case that fails prints
// its sentence.
//
//	func TestStore(t *testing.T) {
//		statetest.Run(t, statetest.Suite{Open: func(t testing.TB) state.Store {
//			return openMyStore(t)
//		}})
//	}
//
// It also holds stores that misbehave, for tests of what stands on a Store:
// Faulty fails, delays and loses answers, Counting tells what was called.
package statetest
