package settings

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/oidcservice/oidc/message"
)

// maxDepth bounds what stands inside of what: a file may refer to its own anchors.
const maxDepth = 64

var (
	typeDuration = reflect.TypeFor[time.Duration]()
	typeSecret   = reflect.TypeFor[message.Secret]()
	typeNode     = reflect.TypeFor[Member]()
)

// A Member is a part of a file that is decoded later, by who knows what it is.
type Member struct {
	Path string
	node *yaml.Node
}

// Value returns the member as JSON would have it: text, numbers, truth values, lists and
// objects. What looks like a date is text.
func (m Member) Value() any { return plain(m.node, 0) }

// Decode reads a member as Read reads a file.
func (f *File) Decode(m Member, into any) { f.decode(m.Path, m.node, into) }

// Fields takes a member that is an object apart: the fields of a struct, by their tags, are
// decoded into it, and the others are returned.
func (f *File) Fields(m Member, into any) map[string]Member {
	rest := map[string]Member{}
	f.object(m.Path, m.node, reflect.ValueOf(into).Elem(), 0, func(name string, value *yaml.Node) {
		rest[name] = Member{Path: join(m.Path, name), node: value}
	})
	return rest
}

func (f *File) decode(path string, n *yaml.Node, into any) {
	f.value(path, n, reflect.ValueOf(into).Elem(), 0)
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func (f *File) value(path string, n *yaml.Node, v reflect.Value, depth int) {
	f.lines[path] = n.Line
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if depth > maxDepth {
		f.Add(path, "too deep")
		return
	}
	if n.Tag == "!!null" && v.Kind() != reflect.Struct {
		return // as if it were not there
	}
	switch v.Type() {
	case typeDuration:
		f.duration(path, n, v)
		return
	case typeSecret:
		f.secret(path, n, v)
		return
	case typeNode:
		v.Set(reflect.ValueOf(Member{path, n}))
		return
	}
	switch v.Kind() {
	case reflect.String:
		if n.Kind != yaml.ScalarNode || n.Tag != "!!str" {
			f.Add(path, "want text, got %s", kindOf(n))
			return
		}
		v.SetString(n.Value)
	case reflect.Bool:
		if n.Tag != "!!bool" {
			f.Add(path, "want true or false, got %s", kindOf(n))
			return
		}
		v.SetBool(strings.EqualFold(n.Value, "true"))
	case reflect.Int:
		number, err := strconv.Atoi(n.Value)
		if n.Tag != "!!int" || err != nil {
			f.Add(path, "want a number, got %s", kindOf(n))
			return
		}
		v.SetInt(int64(number))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.value(path, n, v.Elem(), depth+1)
	case reflect.Slice:
		f.list(path, n, v, depth)
	case reflect.Map:
		f.mapping(path, n, v, depth)
	case reflect.Struct:
		f.object(path, n, v, depth, nil)
	case reflect.Interface:
		v.Set(reflect.ValueOf(plain(n, depth)))
	default:
		panic("settings: no way to read a " + v.Type().String())
	}
}

func (f *File) list(path string, n *yaml.Node, v reflect.Value, depth int) {
	if n.Kind != yaml.SequenceNode {
		f.Add(path, "want a list, got %s", kindOf(n))
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, element := range n.Content {
		f.value(fmt.Sprintf("%s[%d]", path, i), element, v.Index(i), depth+1)
	}
}

// members calls with each member of an object. One that stands twice is a fault.
func (f *File) members(path string, n *yaml.Node, with func(name string, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		if n.Tag != "!!null" {
			f.Add(path, "want an object, got %s", kindOf(n))
		}
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		name := join(path, key.Value)
		f.lines[name] = key.Line
		switch {
		case key.Kind != yaml.ScalarNode || key.Tag == "!!merge":
			f.Add(name, "want names of members")
		case seen[key.Value]:
			f.Add(name, "stands twice")
		default:
			with(key.Value, value)
		}
		seen[key.Value] = true
	}
}

func (f *File) mapping(path string, n *yaml.Node, v reflect.Value, depth int) {
	v.Set(reflect.MakeMap(v.Type()))
	f.members(path, n, func(name string, value *yaml.Node) {
		element := reflect.New(v.Type().Elem()).Elem()
		f.value(join(path, name), value, element, depth+1)
		v.SetMapIndex(reflect.ValueOf(name), element)
	})
}

// object reads a struct. What it has no field for goes to rest, and is a fault without.
func (f *File) object(path string, n *yaml.Node, v reflect.Value, depth int, rest func(string, *yaml.Node)) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	fields := map[string]int{}
	var names []string
	for i := range v.NumField() {
		if name := v.Type().Field(i).Tag.Get("yaml"); name != "" {
			fields[name] = i
			names = append(names, name)
		}
	}
	f.members(path, n, func(name string, value *yaml.Node) {
		i, known := fields[name]
		switch {
		case known:
			f.value(join(path, name), value, v.Field(i), depth+1)
		case rest != nil:
			rest(name, value)
		default:
			slices.Sort(names)
			f.Add(join(path, name), "unknown; known are %s", strings.Join(names, ", "))
		}
	})
}

// duration reads 90s, 15m, 12h or 30d. A number alone has no unit.
func (f *File) duration(path string, n *yaml.Node, v reflect.Value) {
	text := n.Value
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if number, err := strconv.Atoi(days); err == nil && number >= -1000*365 && number <= 1000*365 {
			text = strconv.Itoa(24*number) + "h"
		}
	}
	d, err := time.ParseDuration(text)
	if err != nil || n.Kind != yaml.ScalarNode || n.Tag != "!!str" {
		f.Add(path, "want a duration such as 90s, 15m, 12h or 30d, got %s", kindOf(n))
		return
	}
	v.SetInt(int64(d))
}

// secret reads text, or where it is: {file: NAME} or {env: NAME}.
func (f *File) secret(path string, n *yaml.Node, v reflect.Value) {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!str" {
		v.SetString(n.Value)
		return
	}
	if n.Kind != yaml.MappingNode {
		f.Add(path, "want text, {file: NAME} or {env: NAME}, got %s", kindOf(n))
		return
	}
	var from struct {
		File string `yaml:"file"`
		Env  string `yaml:"env"`
	}
	f.object(path, n, reflect.ValueOf(&from).Elem(), 0, nil)
	switch {
	case from.File != "" && from.Env == "":
		data, err := os.ReadFile(f.Beside(from.File))
		if err != nil {
			f.Add(path+".file", "%v", err)
			return
		}
		v.SetString(strings.TrimRight(string(data), "\r\n"))
	case from.Env != "" && from.File == "":
		text, ok := os.LookupEnv(from.Env)
		if !ok {
			f.Add(path+".env", "the variable %s is not set", from.Env)
			return
		}
		v.SetString(text)
	default:
		f.Add(path, "want text, {file: NAME} or {env: NAME}")
		return
	}
	if v.String() == "" {
		f.Add(path, "it is empty there")
	}
}

// plain returns what a node says without a type that expects something.
func plain(n *yaml.Node, depth int) any {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if depth > maxDepth {
		return nil
	}
	switch n.Kind {
	case yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			m[n.Content[i].Value] = plain(n.Content[i+1], depth+1)
		}
		return m
	case yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, element := range n.Content {
			list[i] = plain(element, depth+1)
		}
		return list
	}
	switch n.Tag {
	case "!!bool", "!!int", "!!float", "!!null":
		var v any
		if err := n.Decode(&v); err == nil {
			return v
		}
	}
	return n.Value
}

// kindOf says what stands there without showing it.
func kindOf(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "an object"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Tag == "!!str":
		return "text"
	case n.Tag == "!!bool":
		return "true or false, which as text needs quotes"
	case n.Tag == "!!null":
		return "nothing"
	case n.Tag == "!!timestamp":
		return "a date, which as text needs quotes"
	}
	return "a number, which as text needs quotes"
}
