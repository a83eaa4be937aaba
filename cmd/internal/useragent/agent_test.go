package useragent

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

const callback = "https://rp.example/cb"

// serve runs a provider made of handlers and returns an agent that reaches it.
func serve(t *testing.T, pages map[string]http.HandlerFunc, o Options) (*Agent, string) {
	t.Helper()
	mux := http.NewServeMux()
	for path, h := range pages {
		mux.HandleFunc(path, h)
	}
	srv := httptest.NewTLSServer(mux)
	t.Cleanup(srv.Close)
	o.Transport = srv.Client().Transport
	a, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return a, srv.URL
}

func page200(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, body)
	}
}

func redirect(status int, to string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", to)
		w.WriteHeader(status)
	}
}

func TestArrivals(t *testing.T) {
	for _, tt := range []struct {
		name  string
		pages map[string]http.HandlerFunc
		want  Arrival
	}{
		{"query", map[string]http.HandlerFunc{"/": redirect(302, callback+"?code=a%2Bb&state=s")},
			Arrival{Method: "GET", Query: "code=a%2Bb&state=s"}},
		{"fragment", map[string]http.HandlerFunc{"/": redirect(303, callback+"#id_token=x&state=s")},
			Arrival{Method: "GET", Fragment: "id_token=x&state=s"}},
		{"fragment inherited over hops", map[string]http.HandlerFunc{"/": redirect(302, "/two#state=s"), "/two": redirect(302, callback)},
			Arrival{Method: "GET", Fragment: "state=s"}},
		{"form post, values unescaped once", map[string]http.HandlerFunc{"/": page200(
			`<body onload="document.forms[0].submit()"><form method=post action="` + callback + `"><input type=hidden name=state value="a&quot;b&amp;amp;"><input type=hidden name=code value='c"d'></form>`)},
			Arrival{Method: "POST", ContentType: formType, Body: "state=" + url.QueryEscape(`a"b&amp;`) + "&code=" + url.QueryEscape(`c"d`)}},
		{"form post of an error with status 400", map[string]http.HandlerFunc{"/": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(400)
			fmt.Fprint(w, `<form method="post" action="`+callback+`"><input name=error value=access_denied></form>`)
		}}, Arrival{Method: "POST", ContentType: formType, Body: "error=access_denied"}},
		{"meta refresh", map[string]http.HandlerFunc{"/": page200(`<meta http-equiv="Refresh" content="0; url='` + callback + `?code=1'">`)},
			Arrival{Method: "GET", Query: "code=1"}},
		{"relative redirect", map[string]http.HandlerFunc{"/": redirect(302, "a/../b"), "/b": redirect(302, callback+"?code=1")},
			Arrival{Method: "GET", Query: "code=1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, base := serve(t, tt.pages, Options{})
			got, err := a.Visit(context.Background(), "GET", base+"/", "", "", callback)
			if err != nil {
				t.Fatal(err)
			}
			if got.Method != tt.want.Method || got.Query != tt.want.Query || got.Fragment != tt.want.Fragment ||
				got.ContentType != tt.want.ContentType || got.Body != tt.want.Body || got.RedirectURI != callback {
				t.Errorf("got %+v, want %+v", *got, tt.want)
			}
		})
	}
}

// A login as a provider draws it: a page of its own with cookie, fields, a button
// outside the form, then consent.
func TestLoginAndConsent(t *testing.T) {
	var pressed []string
	pages := map[string]http.HandlerFunc{
		"/authorize": func(w http.ResponseWriter, r *http.Request) {
			http.SetCookie(w, &http.Cookie{Name: "interaction", Value: "i1", Path: "/", Secure: true, HttpOnly: true})
			w.Header().Set("Location", "/login")
			w.WriteHeader(303)
		},
		"/login": page200(`<title> Sign  in </title><a href="/abort">Cancel</a>
			<form autocomplete="off" action="/submit" method="post">
			<input type="hidden" name="prompt" value="login"/>
			<input required type="text" name="login" placeholder="any"/>
			<input required type="password" name="password"/>
			<input type="checkbox" name="remember"><input type="checkbox" name="fine" checked>
			<select name="lang"><option value="en">English<option value="sv" selected>Svenska</select>
			<button name="cancel" value="1">Cancel</button>
			<button type="submit">Sign-in</button></form>`),
		"/submit": func(w http.ResponseWriter, r *http.Request) {
			c, err := r.Cookie("interaction")
			if err != nil || c.Value != "i1" || r.Header.Get("Origin") == "" {
				w.WriteHeader(403)
				return
			}
			_ = r.ParseForm()
			pressed = append(pressed, r.PostForm.Encode())
			page200(`<form id="f" action="/consent" method="post"><input type="hidden" name="xsrf" value="x1"></form>
				<button form="f" name="choice" value="no">No</button><button form="f" name="choice" value="yes">Yes</button>`)(w, r)
		},
		"/consent": func(w http.ResponseWriter, r *http.Request) {
			_ = r.ParseForm()
			pressed = append(pressed, r.PostForm.Encode())
			redirect(302, callback+"?code=1")(w, r)
		},
	}
	a, base := serve(t, pages, Options{Form: url.Values{"login": {"ann"}, "password": {"p&w"}}})
	got, err := a.Visit(context.Background(), "GET", base+"/authorize", "", "", callback)
	if err != nil {
		t.Fatal(err)
	}
	if got.Query != "code=1" || len(got.Hops) != 4 {
		t.Errorf("got %+v", got)
	}
	want := []string{"fine=on&lang=sv&login=ann&password=p%26w&prompt=login", "choice=yes&xsrf=x1"}
	if strings.Join(pressed, " ") != strings.Join(want, " ") {
		t.Errorf("submitted %q, want %q", pressed, want)
	}
}

func TestStuck(t *testing.T) {
	login := `<form method=post action="/"><input type=text name=user required><input type=password name=pass></form>`
	for _, tt := range []struct {
		name  string
		pages map[string]http.HandlerFunc
		form  url.Values
		want  string
	}{
		{"nothing to fill in", map[string]http.HandlerFunc{"/": page200(login)}, nil, "asks for user, pass"},
		{"wrong password", map[string]http.HandlerFunc{"/": page200(login)}, url.Values{"user": {"a"}, "pass": {"b"}}, "again and again"},
		{"redirect loop", map[string]http.HandlerFunc{"/": redirect(302, "/")}, nil, "30 steps"},
		{"error page", map[string]http.HandlerFunc{"/": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(400)
			fmt.Fprint(w, "<title>Unknown client</title>")
		}}, nil, "error page"},
		{"no page", map[string]http.HandlerFunc{"/": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, "{}")
		}}, nil, "no page"},
		{"script only", map[string]http.HandlerFunc{"/": page200("<script>go()</script>")}, nil, "without a form"},
		{"another scheme", map[string]http.HandlerFunc{"/": redirect(302, "javascript:alert(1)")}, nil, "scheme"},
		{"a look-alike of the redirect URI is fetched, not taken", map[string]http.HandlerFunc{"/": redirect(302, "ftp://rp.example/cb?code=1")}, nil, "scheme"},
		{"huge page", map[string]http.HandlerFunc{"/": page200(strings.Repeat("x", maxPage+1))}, nil, "more than"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, base := serve(t, tt.pages, Options{Form: tt.form})
			_, err := a.Visit(context.Background(), "GET", base+"/", "", "", callback)
			if !errors.Is(err, ErrFront) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestHangIsBounded(t *testing.T) {
	a, base := serve(t, map[string]http.HandlerFunc{"/": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }},
		Options{Timeout: 50 * time.Millisecond})
	_, err := a.Visit(context.Background(), "GET", base+"/", "", "", callback)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestRepeatedRequestOn307(t *testing.T) {
	var got string
	a, base := serve(t, map[string]http.HandlerFunc{
		"/": redirect(307, "/two"),
		"/two": func(w http.ResponseWriter, r *http.Request) {
			_ = r.ParseForm()
			got = r.Method + " " + r.PostForm.Encode()
			redirect(302, callback)(w, r)
		},
	}, Options{})
	if _, err := a.Visit(context.Background(), "POST", base+"/", formType, "a=1", callback); err != nil {
		t.Fatal(err)
	}
	if got != "POST a=1" {
		t.Errorf("got %q", got)
	}
}
