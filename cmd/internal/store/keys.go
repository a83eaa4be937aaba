package store

import (
	"encoding/base64"
	"fmt"
	"os"
	"strings"

	"github.com/oidcservice/oidc/state"
)

// readKeys reads the keys of state.Sealed: one a line, base64 in either alphabet, the one
// that seals first. Empty lines and those that begin with # are left out.
func readKeys(file string) ([][]byte, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, &SettingError{KeyFile: true, Text: err.Error()}
	}
	var keys [][]byte
	for i, line := range strings.Split(string(data), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		plain := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(line, "="))
		key, err := base64.RawStdEncoding.DecodeString(plain)
		if err != nil || len(key) < state.MinSealKey {
			return nil, &SettingError{KeyFile: true, Text: fmt.Sprintf("%s, line %d: want at least %d random bytes in base64 (openssl rand -base64 %d)", file, i+1, state.MinSealKey, state.MinSealKey)}
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, &SettingError{KeyFile: true, Text: file + ": no key in it; want one a line (openssl rand -base64 32)"}
	}
	return keys, nil
}
