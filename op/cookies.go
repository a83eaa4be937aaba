package op

import (
	"net/http"

	"github.com/oidcservice/oidc/endpoint"
)

// maxCookies bounds the cookies that are looked at.
const maxCookies = 100

// cookies maps names to values. A name that was sent twice is left out: one of the two
// was set by somebody else.
func cookies(r *http.Request) map[string]string {
	if len(r.Header["Cookie"]) == 0 {
		return nil
	}
	all := map[string]string{}
	twice := map[string]bool{}
	for i, c := range r.Cookies() {
		if i == maxCookies {
			break
		}
		if _, there := all[c.Name]; there {
			twice[c.Name] = true
		}
		all[c.Name] = c.Value
	}
	for name := range twice {
		delete(all, name)
	}
	return all
}

var sameSite = map[string]http.SameSite{
	"None": http.SameSiteNoneMode, "Lax": http.SameSiteLaxMode, "Strict": http.SameSiteStrictMode,
}

func setCookies(w http.ResponseWriter, list []endpoint.Cookie) {
	for _, c := range list {
		http.SetCookie(w, &http.Cookie{
			Name: c.Name, Value: c.Value, Path: "/", MaxAge: c.MaxAge, Secure: c.Secure,
			HttpOnly: c.HTTPOnly, SameSite: sameSite[c.SameSite],
		})
	}
}
