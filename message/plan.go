package message

import (
	"reflect"
	"slices"
	"strings"
)

type field struct {
	name  string
	index []int
}

type plan struct {
	fields []field
	extra  []int
}

func planOf(t reflect.Type) *plan {
	p := &plan{}
	for _, sf := range reflect.VisibleFields(t) {
		if sf.Type == extraType {
			p.extra = sf.Index
		}
		if name, _, _ := strings.Cut(sf.Tag.Get("json"), ","); name != "" && name != "-" {
			p.fields = append(p.fields, field{name, sf.Index})
		}
	}
	return p
}

func (p *plan) extraOf(v reflect.Value) Extra {
	if p.extra == nil {
		return nil
	}
	return v.FieldByIndex(p.extra).Interface().(Extra)
}

func sortedKeys(v reflect.Value) []reflect.Value {
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	return keys
}
