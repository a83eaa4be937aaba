package provider

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/oidcservice/oidc/endpoint"
	"github.com/oidcservice/oidc/keyjar"
	"github.com/oidcservice/oidc/state"
)

// Defaults of the keys. A key set may be kept for as long as its Cache-Control says, which
// is minutes; a day lets those in who do not look.
const (
	defaultAnnounce = 24 * time.Hour
	defaultRetain   = 7 * 24 * time.Hour
)

var defaultAlgorithms = []string{"RS256", "ES256"}

// A keyring is the provider's keys, with the file they are kept in.
type keyring struct {
	file       string
	algorithms []string
	rotate     time.Duration
	policy     keyjar.RotationPolicy
	rotation   *keyjar.Rotation
	made       bool        // the keys were made just now
	read       os.FileInfo // of the file as it was read or written, nil if it was not
}

// rotatable are the algorithms that keys can be made for.
func rotatable() []string {
	all := append(keyjar.SigningAlgorithms(), keyjar.EncryptionAlgorithms()...)
	return slices.DeleteFunc(all, func(alg string) bool {
		_, err := keyUse(alg)
		return err != nil
	})
}

// keyUse tells what keys of an algorithm are for; symmetric ones are no keys of ours.
func keyUse(alg string) (string, error) {
	switch {
	case strings.HasPrefix(alg, "HS"), strings.HasPrefix(alg, "A1"), strings.HasPrefix(alg, "A2"), alg == "dir":
	case slices.Contains(keyjar.SigningAlgorithms(), alg):
		return "sig", nil
	case slices.Contains(keyjar.EncryptionAlgorithms(), alg):
		return "enc", nil
	}
	return "", fmt.Errorf("there are no keys for %q", alg)
}

// checkKeys reads the file of the keys, or makes keys where there is none. Nothing is
// written yet.
func (s *Setup) checkKeys(now time.Time) *keyring {
	k := &keyring{
		file: s.file.Beside(s.Keys.File), algorithms: s.Keys.Algorithms, rotate: s.Keys.Rotate,
		policy: keyjar.RotationPolicy{Announce: s.Keys.Announce, Retain: s.Keys.Retain},
	}
	if k.algorithms == nil {
		k.algorithms = defaultAlgorithms
		if p := s.Policy.Profile; p == profileFAPI2 || p == profileFAPI2Signing {
			k.algorithms = []string{"PS256", "ES256"} // FAPI 2.0, Section 5.4.1
		}
	}
	if !s.file.Has("keys.announce") {
		k.policy.Announce = defaultAnnounce
	}
	if !s.file.Has("keys.retain") {
		k.policy.Retain = defaultRetain
	}
	for i, alg := range k.algorithms {
		if _, err := keyUse(alg); err != nil {
			s.file.Add(fmt.Sprintf("keys.algorithms[%d]", i), "want one of %s", strings.Join(rotatable(), ", "))
			return nil
		}
	}
	if k.rotate != 0 && k.rotate <= k.policy.Announce {
		s.file.Add("keys.rotate", "want more than keys.announce, which is %s", k.policy.Announce)
	}
	if k.rotate != 0 && k.file == "" {
		s.file.Add("keys.rotate", "keys that are in no file cannot rotate; want keys.file")
	}
	err := k.load()
	if errors.Is(err, os.ErrNotExist) || k.file == "" {
		err = k.generate(now)
	}
	if err != nil {
		s.file.Add("keys.file", "%v", err)
		return nil
	}
	switch {
	case k.made && k.file == "":
		s.warn("keys.file names no file: the keys are made for this run, and what they sign is worth nothing after it")
	case k.made:
		s.warn("keys.file " + k.file + " is not there: keys are made and kept in it")
	}
	return k
}

// load reads the file.
func (k *keyring) load() error {
	if k.file == "" {
		return nil
	}
	info, err := os.Stat(k.file)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(k.file)
	if err != nil {
		return err
	}
	rotation, skipped, err := keyjar.ParseRotation(data)
	switch {
	case err != nil:
		return fmt.Errorf("%s: want a JWK Set of private keys: %w", k.file, err)
	case len(skipped) > 0:
		return fmt.Errorf("%s: keys[%d]: %w", k.file, skipped[0].Index, skipped[0].Err)
	case len(rotation.Lives(time.Now())) == 0:
		return fmt.Errorf("%s: there is no key in it", k.file)
	}
	k.rotation, k.read = rotation, info
	return nil
}

// hasRead reports whether a file is the one that was read. Its time alone does not tell:
// where clocks tick slowly, two that were written one after the other have the same.
func (k *keyring) hasRead(info os.FileInfo) bool {
	return k.read != nil && os.SameFile(info, k.read) && info.ModTime().Equal(k.read.ModTime()) && info.Size() == k.read.Size()
}

// generate makes a key of each algorithm.
func (k *keyring) generate(now time.Time) error {
	k.rotation, k.made = new(keyjar.Rotation), true
	for _, alg := range k.algorithms {
		if err := k.next(alg, now); err != nil {
			return err
		}
	}
	return nil
}

// next makes the key that follows the current one of an algorithm, or the first.
func (k *keyring) next(alg string, now time.Time) error {
	use, err := keyUse(alg)
	if err != nil {
		return err
	}
	key, err := keyjar.Generate(alg, rand.Reader, keyjar.KeyOptions{Use: use, Algorithm: alg})
	if err != nil {
		return err
	}
	rotation, err := k.rotation.Rotate(key, now, k.policy)
	if err != nil {
		return err
	}
	k.rotation = rotation
	return nil
}

// save writes the file for its owner alone, in one step: a crash leaves the old file or the
// new one.
func (k *keyring) save() error {
	if k.file == "" {
		return nil
	}
	data, err := k.rotation.MarshalPrivate()
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(k.file), ".keys-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(append(data, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), k.file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	if info, err := os.Stat(k.file); err == nil {
		k.read = info
	}
	return nil
}

// sets are the keys that are current, next and retired.
func (k *keyring) sets(now time.Time) (current, next, retired *keyjar.Set) {
	by := map[keyjar.Phase][]*keyjar.Key{}
	for _, l := range k.rotation.Lives(now) {
		by[l.Phase] = append(by[l.Phase], l.Key)
	}
	return keyjar.NewSet(by[keyjar.PhaseCurrent]...), keyjar.NewSet(by[keyjar.PhaseNext]...), keyjar.NewSet(by[keyjar.PhaseRetired]...)
}

// due lists the algorithms whose current key has signed for as long as it is to. A key whose
// file does not say since when is due at once.
func (k *keyring) due(now time.Time) []string {
	if k.rotate == 0 {
		return nil
	}
	var algs []string
	next := map[string]bool{}
	for _, l := range k.rotation.Lives(now) {
		if l.Phase == keyjar.PhaseNext {
			next[l.Key.Algorithm()] = true
		}
	}
	for _, l := range k.rotation.Lives(now) {
		// The next key is announced in time for the change.
		late := !now.Before(l.Active.Add(k.rotate - k.policy.Announce))
		if l.Phase == keyjar.PhaseCurrent && late && !next[l.Key.Algorithm()] {
			algs = append(algs, l.Key.Algorithm())
		}
	}
	return algs
}

// follow makes the keys that follow those of some algorithms. A key that could not be kept
// is not used: nobody else would know it.
func (k *keyring) follow(algs []string, now time.Time) error {
	before := k.rotation
	var err error
	for _, alg := range algs {
		if err == nil {
			err = k.next(alg, now)
		}
	}
	if err == nil {
		err = k.save()
	}
	if err != nil {
		k.rotation = before
	}
	return err
}

// rotationMark is where processes that share a store agree who makes the next key.
const (
	rotationMark = "op-key-rotation"
	rotationTurn = 5 * time.Minute
)

// refresh reads the file if another process changed it, makes the keys that are due, and
// gives the keys of now to the endpoints.
func (k *keyring) refresh(ctx context.Context, to *endpoint.Context, store state.Store, logger *slog.Logger) error {
	now := to.Now()
	if info, err := os.Stat(k.file); k.file != "" && err == nil && !k.hasRead(info) {
		if err := k.load(); err != nil {
			return err
		}
		logger.InfoContext(ctx, "the keys were read again", "file", k.file)
	}
	if algs := k.due(now); len(algs) > 0 {
		mine, err := store.Add(ctx, rotationMark, []byte{1}, rotationTurn)
		if err != nil {
			return err
		}
		if mine {
			if err := k.follow(algs, now); err != nil {
				return err
			}
			logger.InfoContext(ctx, "keys were made", "algs", algs, "signing_from", now.Add(k.policy.Announce))
		}
	}
	return to.SetKeys(k.sets(now))
}
