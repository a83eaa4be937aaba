package message

// DecodeJSON decodes one JSON object strictly into the message that into points to.
func DecodeJSON(data []byte, into any) error { panic("being written") }

// DecodeClaims is DecodeJSON for the payload of a JWT.
func DecodeClaims(payload []byte, into any) error { panic("being written") }

// EncodeJSON encodes the message with its secrets and its Extra.
func EncodeJSON(m any) ([]byte, error) { panic("being written") }
