// Package redistest tests package redisstate with real servers. It is a module
// of its own, so that what it compares with does not enter the go.mod of
// redisstate.
//
// A server is used when an environment variable names it, and must be named
// where CI=true:
//
//	STATE_TEST_REDIS          redis://127.0.0.1:6379/0
//	STATE_TEST_REDIS_CLUSTER  redis://127.0.0.1:7001?addr=127.0.0.1:7002&addr=127.0.0.1:7003
package redistest
