package main

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oidcservice/oidc/cmd/internal/conversation"
	"github.com/oidcservice/oidc/keyjar"
)

func (c *command) keys() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Make, rotate and identify keys (JWK Sets)",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, _ = fmt.Fprintln(c.err, cmd.UsageString())
			return &conversation.SettingError{Text: "name one of generate, rotate, thumbprint"}
		},
	}
	cmd.AddCommand(c.keysGenerate(), c.keysRotate(), c.keysThumbprint())
	return cmd
}

// keyFlags say what key to make.
type keyFlags struct {
	algs     []string
	use, kid string
	out      string
}

func (f *keyFlags) add(cmd *cobra.Command, out string) {
	cmd.Flags().StringArrayVar(&f.algs, "alg", nil, "the algorithm (repeatable; default RS256): "+strings.Join(generable(), ", "))
	cmd.Flags().StringVar(&f.use, "use", "", "sig or enc (default: what the algorithm is for)")
	cmd.Flags().StringVar(&f.kid, "kid", "", "the key's id (default: its thumbprint)")
	if out != "" {
		cmd.Flags().StringVar(&f.out, "out", "", out)
	}
}

// generable are the algorithms that a key pair can be made for.
func generable() []string {
	all := append(keyjar.SigningAlgorithms(), keyjar.EncryptionAlgorithms()...)
	return slices.DeleteFunc(all, func(alg string) bool {
		return strings.HasPrefix(alg, "HS") || strings.HasPrefix(alg, "A1") || strings.HasPrefix(alg, "A2") || alg == "dir" || alg == "none"
	})
}

func (f *keyFlags) generate() ([]*keyjar.Key, error) {
	algs := f.algs
	if len(algs) == 0 {
		algs = []string{"RS256"}
	}
	if f.kid != "" && len(algs) > 1 {
		return nil, &conversation.SettingError{Flag: "kid", Text: "one id for several keys"}
	}
	if f.use != "" && f.use != "sig" && f.use != "enc" {
		return nil, &conversation.SettingError{Flag: "use", Text: "want sig or enc"}
	}
	var keys []*keyjar.Key
	for _, alg := range algs {
		if !slices.Contains(generable(), alg) {
			return nil, &conversation.SettingError{Flag: "alg", Text: fmt.Sprintf("unknown value %q; known are %s", alg, strings.Join(generable(), ", "))}
		}
		use := "enc"
		if slices.Contains(keyjar.SigningAlgorithms(), alg) {
			use = "sig"
		}
		if f.use != "" && f.use != use {
			return nil, &conversation.SettingError{Flag: "use", Text: fmt.Sprintf("%s is for %s", alg, use)}
		}
		key, err := keyjar.Generate(alg, rand.Reader, keyjar.KeyOptions{ID: f.kid, Use: use, Algorithm: alg})
		if err != nil {
			return nil, fmt.Errorf("making a key: %w", err)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

func (c *command) keysGenerate() *cobra.Command {
	f := &keyFlags{}
	cmd := &cobra.Command{
		Use:   "generate",
		Short: "Make a key; the private part goes to --out, the public part is printed",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := c.only("text", "json"); err != nil {
				return err
			}
			if f.out == "" && !c.showSecrets {
				return &conversation.SettingError{Flag: "out", Text: "name the file for the private key, or give --show-secrets to print it"}
			}
			keys, err := f.generate()
			if err != nil {
				return err
			}
			set := keyjar.NewSet(keys...)
			if f.out != "" {
				if err := writePrivate(f.out, set, true); err != nil {
					return err
				}
			}
			return c.printSet(set)
		},
	}
	f.add(cmd, "the file for the private JWK Set; it must not exist")
	return cmd
}

func (c *command) keysRotate() *cobra.Command {
	f := &keyFlags{}
	keep := 2
	cmd := &cobra.Command{
		Use:   "rotate FILE",
		Short: "Put a new key in front of a private JWK Set and keep the older ones for a while",
		Long: `Makes a new key in front of those in FILE. Older keys of the same algorithm stay published,
so that what they signed still verifies, until --keep of them are left.`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := c.only("text", "json"); err != nil {
				return err
			}
			if keep < 0 {
				return &conversation.SettingError{Flag: "keep", Text: "want 0 or more"}
			}
			old, err := readPrivate(args[0])
			if err != nil {
				return err
			}
			if len(f.algs) == 0 {
				f.algs = algorithmsOf(old)
			}
			fresh, err := f.generate()
			if err != nil {
				return err
			}
			kept := map[string]int{}
			all := fresh
			for _, key := range old.Keys() {
				if slices.Contains(f.algs, key.Algorithm()) {
					if kept[key.Algorithm()] >= keep {
						continue
					}
					kept[key.Algorithm()]++
				}
				all = append(all, key)
			}
			set := keyjar.NewSet(all...)
			if err := writePrivate(args[0], set, false); err != nil {
				return err
			}
			return c.printSet(set)
		},
	}
	f.add(cmd, "")
	cmd.Flags().IntVar(&keep, "keep", keep, "how many older keys of an algorithm stay")
	return cmd
}

// algorithmsOf lists the algorithms of a set, each once.
func algorithmsOf(set *keyjar.Set) []string {
	var algs []string
	for _, key := range set.Keys() {
		if alg := key.Algorithm(); alg != "" && !slices.Contains(algs, alg) {
			algs = append(algs, alg)
		}
	}
	return algs
}

func (c *command) keysThumbprint() *cobra.Command {
	return &cobra.Command{
		Use:   "thumbprint [FILE]",
		Short: "Print the thumbprints (RFC 7638) of the keys of a file or of stdin",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := c.only("text", "json"); err != nil {
				return err
			}
			data, err := c.argument(args)
			if err != nil {
				return err
			}
			keys, err := anyKeys(data)
			if err != nil {
				return &conversation.SettingError{Text: err.Error()}
			}
			c.spoken = true
			if c.output == "json" {
				rows := []map[string]string{}
				for _, key := range keys {
					rows = append(rows, map[string]string{"kid": key.ID(), "kty": key.Type(), "thumbprint": key.Thumbprint()})
				}
				return c.json(map[string]any{"outcome": "ok", "keys": rows})
			}
			for _, key := range keys {
				_, _ = fmt.Fprintf(c.out, "%s  %s\n", key.Thumbprint(), key.ID())
			}
			return nil
		},
	}
}

// anyKeys reads one JWK or a JWK Set, public or private.
func anyKeys(data []byte) ([]*keyjar.Key, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(data, &set); err != nil {
		return nil, errors.New("not JSON")
	}
	entries := set.Keys
	if entries == nil {
		entries = []json.RawMessage{data}
	}
	var keys []*keyjar.Key
	for i, entry := range entries {
		key, err := keyjar.ParseKey(entry)
		if err != nil {
			return nil, fmt.Errorf("keys[%d]: %w", i, err)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// printSet prints the public set, or the private one if secrets are to be shown.
func (c *command) printSet(set *keyjar.Set) error {
	data := set.Public().PublicJWKS()
	if c.showSecrets {
		var err error
		if data, err = set.PrivateJWKS(); err != nil {
			return err
		}
	}
	c.spoken = true
	return c.json(json.RawMessage(data))
}

// json prints v, indented.
func (c *command) json(v any) error {
	e := json.NewEncoder(c.out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// argument reads the named file, or stdin.
func (c *command) argument(args []string) ([]byte, error) {
	if len(args) > 0 && args[0] != "-" {
		data, err := os.ReadFile(args[0])
		if err != nil {
			return nil, &conversation.SettingError{Text: err.Error()}
		}
		return data, nil
	}
	data, err := io.ReadAll(io.LimitReader(c.in, 1<<20))
	if err != nil {
		return nil, &conversation.SettingError{Text: "stdin: " + err.Error()}
	}
	return data, nil
}

func readPrivate(file string) (*keyjar.Set, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, &conversation.SettingError{Text: err.Error()}
	}
	set, skipped, err := keyjar.ParsePrivateSet(data)
	if err != nil {
		return nil, &conversation.SettingError{Text: file + ": " + err.Error()}
	}
	if len(skipped) > 0 {
		// Writing the file back would lose this key.
		return nil, &conversation.SettingError{Text: fmt.Sprintf("%s: keys[%d]: %v", file, skipped[0].Index, skipped[0].Err)}
	}
	return set, nil
}

// writePrivate writes a private set for its owner alone, in one step: a crash
// leaves the old file or the new one.
func writePrivate(file string, set *keyjar.Set, fresh bool) error {
	data, err := set.PrivateJWKS()
	if err != nil {
		return err
	}
	wrap := func(err error) error { return &conversation.SettingError{Text: err.Error()} }
	if fresh {
		f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return wrap(err)
		}
		_, err = f.Write(append(data, '\n'))
		if err := errors.Join(err, f.Close()); err != nil {
			return wrap(err)
		}
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(file), ".keys-*")
	if err != nil {
		return wrap(err)
	}
	_, err = f.Write(append(data, '\n'))
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return wrap(err)
	}
	return nil
}

func base64url(s string) ([]byte, error) { return base64.RawURLEncoding.DecodeString(s) }
