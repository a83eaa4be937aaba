package service

import (
	"fmt"
	"reflect"

	"github.com/oidcservice/oidc/message"
)

// assign copies m, a T or *T, into dst; nil leaves dst as it is.
func assign[T any](dst *T, m message.Message) error {
	switch v := any(m).(type) {
	case nil:
	case T:
		*dst = v
	case *T:
		if v == nil {
			return fmt.Errorf("%w: a nil message", ErrArgs)
		}
		*dst = *v
	default:
		return fmt.Errorf("%w: a message of type %T, not %T", ErrArgs, m, *dst)
	}
	return nil
}

// fill sets the fields of dst that are absent to those of src.
func fill[T any](dst, src *T) { fillStruct(reflect.ValueOf(dst).Elem(), reflect.ValueOf(src).Elem()) }

func fillStruct(dst, src reflect.Value) {
	for i := range dst.NumField() {
		field := dst.Type().Field(i)
		switch {
		case field.Anonymous && field.Type.Kind() == reflect.Struct:
			fillStruct(dst.Field(i), src.Field(i))
		case field.Name == "Extra":
			extra := dst.Field(i).Addr().Interface().(*message.Extra)
			for _, member := range src.Field(i).Interface().(message.Extra) {
				if _, ok := extra.Get(member.Name); !ok {
					*extra = append(*extra, member)
				}
			}
		case field.IsExported() && dst.Field(i).IsZero():
			dst.Field(i).Set(src.Field(i))
		}
	}
}
