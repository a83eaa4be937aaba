package message

import (
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"strconv"
	"strings"
)

// A Message is a request, a response or a set of claims. Its methods have value
// receivers, so that values and pointers are messages alike. They show the message
// without its secrets.
type Message interface {
	slog.LogValuer
	fmt.Formatter
}

// Format writes m as its wire names and values, secrets as ***, whatever the verb. It
// is the Format method of every message.
func Format(s fmt.State, _ rune, m any) {
	var b strings.Builder
	v := reflect.ValueOf(m)
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			_, _ = io.WriteString(s, "<nil>")
			return
		}
		v = v.Elem()
	}
	b.WriteString(v.Type().Name())
	show(&b, v)
	_, _ = io.WriteString(s, b.String())
}

// LogValue returns m as a group of its wire names and values, secrets as ***. It is
// the LogValue method of every message.
func LogValue(m any) slog.Value {
	v := reflect.ValueOf(m)
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return slog.Value{}
		}
		v = v.Elem()
	}
	return logStruct(v)
}

var (
	secretType = reflect.TypeFor[Secret]()
	extraType  = reflect.TypeFor[Extra]()
	jwksType   = reflect.TypeFor[JWKS]()
)

// show writes the struct v in braces.
func show(b *strings.Builder, v reflect.Value) {
	b.WriteByte('{')
	if v.Type() == jwksType {
		b.WriteString(keyCount(v))
		b.WriteByte('}')
		return
	}
	p := planOf(v.Type())
	n := 0
	for i := range p.fields {
		f := v.FieldByIndex(p.fields[i].index)
		if f.IsZero() {
			continue
		}
		if n++; n > 1 {
			b.WriteByte(' ')
		}
		b.WriteString(p.fields[i].name)
		b.WriteByte(':')
		showValue(b, f)
	}
	if extra := p.extraOf(v); len(extra) > 0 {
		if n > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(strings.Trim(extra.String(), "{}"))
	}
	b.WriteByte('}')
}

func showValue(b *strings.Builder, v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			b.WriteString("null")
			return
		}
		showValue(b, v.Elem())
		return
	case reflect.Struct:
		if _, ok := v.Interface().(Message); ok {
			show(b, v)
			return
		}
	case reflect.Slice:
		if v.Type() == listType || v.Type().Elem().Kind() == reflect.Uint8 {
			break
		}
		b.WriteByte('[')
		for i := range v.Len() {
			if i > 0 {
				b.WriteByte(' ')
			}
			showValue(b, v.Index(i))
		}
		b.WriteByte(']')
		return
	case reflect.Map:
		b.WriteByte('{')
		for i, key := range sortedKeys(v) {
			if i > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(quoteName(key.String()))
			b.WriteByte(':')
			showValue(b, v.MapIndex(key))
		}
		b.WriteByte('}')
		return
	}
	switch {
	case v.Type() == secretType:
		b.WriteString(v.Interface().(Secret).String())
	case v.Kind() == reflect.String:
		b.WriteString(strconv.Quote(v.String()))
	case v.Type() == listType:
		b.WriteString(strconv.Quote(v.Interface().(List).String()))
	case v.Kind() == reflect.Slice:
		b.WriteString(strconv.Quote(string(v.Bytes())))
	default:
		fmt.Fprint(b, v.Interface())
	}
}

func logStruct(v reflect.Value) slog.Value {
	if v.Type() == jwksType {
		return slog.StringValue(keyCount(v))
	}
	p := planOf(v.Type())
	attrs := make([]slog.Attr, 0, len(p.fields))
	for i := range p.fields {
		if f := v.FieldByIndex(p.fields[i].index); !f.IsZero() {
			attrs = append(attrs, slog.Attr{Key: p.fields[i].name, Value: logValue(f)})
		}
	}
	for _, m := range p.extraOf(v) {
		attrs = append(attrs, slog.String(m.Name, masked))
	}
	return slog.GroupValue(attrs...)
}

func logValue(v reflect.Value) slog.Value {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return slog.AnyValue(nil)
		}
		return logValue(v.Elem())
	case reflect.Struct:
		if _, ok := v.Interface().(Message); ok {
			return logStruct(v)
		}
	case reflect.String:
		if v.Type() != secretType {
			return slog.StringValue(v.String())
		}
	case reflect.Bool:
		return slog.BoolValue(v.Bool())
	case reflect.Int, reflect.Int64:
		return slog.Int64Value(v.Int())
	case reflect.Map:
		attrs := make([]slog.Attr, 0, v.Len())
		for _, key := range sortedKeys(v) {
			attrs = append(attrs, slog.Attr{Key: key.String(), Value: logValue(v.MapIndex(key))})
		}
		return slog.GroupValue(attrs...)
	case reflect.Slice:
		if v.Type() == listType {
			return slog.StringValue(v.Interface().(List).String())
		}
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return slog.StringValue(string(v.Bytes()))
		}
	}
	var b strings.Builder
	showValue(&b, v)
	return slog.StringValue(b.String())
}

// keyCount stands for a JWK Set, which may hold private keys.
func keyCount(v reflect.Value) string {
	n := v.FieldByName("Keys").Len()
	if n == 1 {
		return "1 key"
	}
	return strconv.Itoa(n) + " keys"
}
