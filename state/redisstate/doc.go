// Package redisstate keeps the entries of state.DB in Redis or Valkey:
// standalone, behind Sentinel, or a cluster, by the client of
// github.com/redis/rueidis. It imports nothing of this repository.
//
//	client, err := rueidis.NewClient(rueidis.ClientOption{
//		InitAddress:      []string{"redis.example.com:6379"},
//		TLSConfig:        &tls.Config{ServerName: "redis.example.com"},
//		Username:         "rp",
//		Password:         password,
//		ConnWriteTimeout: 2 * time.Second, // how long a server may be silent
//		DisableCache:     true,
//	})
//	…
//	store := redisstate.New(client, redisstate.Options{})
//	err = store.Check(ctx) // refuses a server that may evict entries
//	…
//	db := &state.DB{Store: store}
//
// A Store is a state.Store, a state.Swapper and a state.Grouper. Every verb is
// one command on one key, so that all of them work in a cluster:
//
//	Add      SET key value NX PX ms
//	Put      SET key value PX ms
//	Get      GET key
//	Take     GETDEL key                 Redis 6.2
//	Swap     EVALSHA: GET, SET          by a script, because there is no such command
//	Join     EVALSHA: TIME, ZADD, ZREMRANGEBYSCORE, ZRANGE, PEXPIREAT
//	Leave    ZREM group member
//	Members  EVALSHA: TIME, ZRANGEBYSCORE
//
// A group is a sorted set of members by the time at which they expire. Entries
// expire by the clock of the server. A script that the server does not know yet
// is sent once with EVAL. A user needs these commands, DEL and EXISTS for
// entries whose life is over before it begins, and INFO for Check:
//
//	user rp on >… ~oidc:* resetchannels -@all +set +get +getdel +del +exists +zrem +evalsha +eval
//	  +time +zadd +zremrangebyscore +zrange +zrangebyscore +pexpireat +info +ping
//	  +cluster|slots
//
// # What must hold for the server
//
// Its maxmemory-policy must be noeviction: with another one a server that is
// full forgets marks of what was used already, and lets a logout token or an
// assertion be used again. Check looks.
//
// Replication is asynchronous: after a failover the last claims and marks may
// be unknown to the new primary, unless Options.Replicas waits for them (the
// user then needs +wait). Reads must not go to replicas (the client's
// SendToReplicas): they may not have what was just written.
package redisstate
