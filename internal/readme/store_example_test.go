package readme

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// A DirStore keeps each entry in a file of one folder. One process may use it at a
// time: what makes its methods atomic is a lock in memory.
type DirStore struct {
	Dir string

	mu sync.Mutex
}

// file names an entry's file. Keys that differ in case are different, and file names
// are not everywhere, so the key is written in hexadecimal.
func (s *DirStore) file(key string) string {
	return filepath.Join(s.Dir, hex.EncodeToString([]byte(key)))
}

// get reads an entry; the lock is held. The first eight bytes of a file say when the
// entry expires.
func (s *DirStore) get(ctx context.Context, key string) ([]byte, bool, error) {
	if err := ctx.Err(); err != nil {
		return nil, false, err
	}
	data, err := os.ReadFile(s.file(key))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil // a missing entry is not an error
	}
	if err != nil {
		return nil, false, err
	}
	if len(data) < 8 {
		return nil, false, errors.New("dirstore: a damaged entry")
	}
	if until := int64(binary.BigEndian.Uint64(data)); time.Now().UnixMilli() >= until {
		return nil, false, os.Remove(s.file(key)) // an expired entry is absent
	}
	return data[8:], true, nil
}

// put writes an entry; the lock is held. The file appears whole or not at all.
func (s *DirStore) put(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	// Milliseconds: the longest duration would overflow a count of nanoseconds.
	data := binary.BigEndian.AppendUint64(nil, uint64(time.Now().Add(ttl).UnixMilli()))
	fresh := s.file(key) + ".new"
	if err := os.WriteFile(fresh, append(data, value...), 0o600); err != nil {
		return err
	}
	return os.Rename(fresh, s.file(key))
}

// Add implements state.Store.
func (s *DirStore) Add(ctx context.Context, key string, value []byte, ttl time.Duration) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, found, err := s.get(ctx, key)
	if found || err != nil {
		return false, err
	}
	err = s.put(ctx, key, value, ttl)
	return err == nil, err
}

// Put implements state.Store.
func (s *DirStore) Put(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.put(ctx, key, value, ttl)
}

// Get implements state.Store.
func (s *DirStore) Get(ctx context.Context, key string) ([]byte, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.get(ctx, key)
}

// Take implements state.Store.
func (s *DirStore) Take(ctx context.Context, key string) ([]byte, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	value, found, err := s.get(ctx, key)
	if !found || err != nil {
		return nil, false, err
	}
	// Nobody must get what could not be removed: somebody else might get it again.
	if err := os.Remove(s.file(key)); err != nil {
		return nil, false, err
	}
	return value, true, nil
}
