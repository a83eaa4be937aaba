package redisstate

import (
	"context"
	"strconv"
	"time"

	"github.com/redis/rueidis"
)

// A group's key has this behind it; no name of an entry has a colon.
const groupSuffix = ":members"

// joinScript: KEYS the group; ARGV member, milliseconds. The group lives as long
// as the member that lives longest.
var joinScript = rueidis.NewLuaScript(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], string.format('%.0f', now + ARGV[2]), ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')
if last[2] then
	redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', last[2]))
end
return 1
`)

// membersScript: KEYS the group.
var membersScript = rueidis.NewLuaScript(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
return redis.call('ZRANGEBYSCORE', KEYS[1], string.format('(%.0f', now), '+inf')
`)

// Join implements state.Grouper.
func (s *Store) Join(ctx context.Context, group, member string, ttl time.Duration) error {
	if err := begin(ctx, "join", group); err != nil {
		return err
	}
	if err := checkKey(member); err != nil {
		return failed("join", err)
	}
	if ttl <= 0 {
		return s.Leave(ctx, group, member)
	}
	return failed("join", joinScript.Exec(ctx, s.client, []string{s.prefix + group + groupSuffix},
		[]string{member, strconv.FormatInt(millis(ttl), 10)}).Error())
}

// Leave implements state.Grouper.
func (s *Store) Leave(ctx context.Context, group, member string) error {
	if err := begin(ctx, "leave", group); err != nil {
		return err
	}
	return failed("leave", s.client.Do(ctx, s.client.B().Zrem().Key(s.prefix+group+groupSuffix).Member(member).Build()).Error())
}

// Members implements state.Grouper.
func (s *Store) Members(ctx context.Context, group string) ([]string, error) {
	if err := begin(ctx, "members", group); err != nil {
		return nil, err
	}
	members, err := membersScript.Exec(ctx, s.client, []string{s.prefix + group + groupSuffix}, nil).AsStrSlice()
	if err != nil {
		return nil, failed("members", err)
	}
	return members, nil
}
