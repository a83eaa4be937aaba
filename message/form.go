package message

import "net/url"

// ParseForm parses a query or form body strictly, keeping repeated parameters.
func ParseForm(raw string) (url.Values, error) { panic("being written") }

// DecodeForm decodes one query or form body strictly into the message that into points to.
func DecodeForm(raw string, into any) error { panic("being written") }

// DecodeValues is DecodeForm for parameters that are parsed already.
func DecodeValues(v url.Values, into any) error { panic("being written") }

// Values returns the parameters of the message with its secrets and its Extra.
func Values(m any) (url.Values, error) { panic("being written") }

// EncodeForm returns the parameters of the message, sorted by name and escaped.
func EncodeForm(m any) (string, error) { panic("being written") }
