package message

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

// The range of a [Time]: from the epoch to the last second of the year 9999. What lies
// outside is no date but a mistake or an attack.
const (
	minTime = 0
	maxTime = 253402300799
)

// A Time is a NumericDate: seconds since the epoch, which may have a fraction (RFC
// 7519, Section 2). The zero Time is an absent one; second 0 is a present one.
// Fractions are kept to the nanosecond.
type Time struct {
	sec     int64
	nsec    int32
	present bool
}

// Unix returns the present Time sec seconds after the epoch.
func Unix(sec int64) Time { return Time{sec: sec, present: true} }

// At returns t as a present Time of whole seconds, or an absent one if t is zero.
func At(t time.Time) Time {
	if t.IsZero() {
		return Time{}
	}
	return Unix(t.Unix())
}

// Exactly returns t as a present Time with its fraction of a second, or an absent one if t
// is zero.
func Exactly(t time.Time) Time {
	if t.IsZero() {
		return Time{}
	}
	return Time{sec: t.Unix(), nsec: int32(t.Nanosecond()), present: true}
}

// Whole returns t without the fraction of its second, as most claims are written.
func (t Time) Whole() Time {
	t.nsec = 0
	return t
}

// Present reports whether there was a value.
func (t Time) Present() bool { return t.present }

// IsZero reports whether there was none. It lets encoders omit an absent Time.
func (t Time) IsZero() bool { return !t.present }

// Time returns the instant in UTC, or the zero [time.Time] if t is absent.
func (t Time) Time() time.Time {
	if !t.present {
		return time.Time{}
	}
	return time.Unix(t.sec, int64(t.nsec)).UTC()
}

// Unix returns the whole seconds since the epoch.
func (t Time) Unix() int64 { return t.sec }

// Float returns the seconds since the epoch with their fraction.
func (t Time) Float() float64 { return float64(t.sec) + float64(t.nsec)/1e9 }

// String returns the number as it travels, or nothing if t is absent.
func (t Time) String() string {
	if !t.present {
		return ""
	}
	return string(t.append(nil))
}

// MarshalJSON returns the number, or null if t is absent.
func (t Time) MarshalJSON() ([]byte, error) {
	if !t.present {
		return []byte("null"), nil
	}
	return t.append(nil), nil
}

// UnmarshalJSON reads a number in range, or null.
func (t *Time) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		*t = Time{}
		return nil
	}
	parsed, err := parseTime(string(data))
	if err != nil {
		return err
	}
	*t = parsed
	return nil
}

func (t Time) append(dst []byte) []byte {
	dst = strconv.AppendInt(dst, t.sec, 10)
	if t.nsec == 0 {
		return dst
	}
	dst = append(dst, '.')
	for unit := int32(100_000_000); unit > 0 && t.nsec%(unit*10) != 0; unit /= 10 {
		dst = append(dst, byte('0'+t.nsec/unit%10))
	}
	return dst
}

var (
	errNotNumber = errors.New("not a number")
	errTimeRange = errors.New("out of the range of dates")
)

// parseTime reads a JSON number. It is compared with the bounds before it is
// converted: int64(1e300) is a date in the distant past on some machines.
func parseTime(s string) (Time, error) {
	// The usual spelling: at most twelve digits, and nine behind a point.
	whole, fraction, point := strings.Cut(s, ".")
	sec, ok := digits(whole, 12)
	nsec, exact := int64(0), true
	if point {
		nsec, exact = digits(fraction, 9)
		for range 9 - len(fraction) {
			nsec *= 10
		}
	}
	if !ok || !exact {
		return parseTimeFraction(s)
	}
	if sec > maxTime {
		return Time{}, errTimeRange
	}
	return Time{sec: sec, nsec: int32(nsec), present: true}, nil
}

// digits reads a number of at most that many digits, and nothing else.
func digits(s string, most int) (n int64, ok bool) {
	if s == "" || len(s) > most {
		return 0, false
	}
	for i := range len(s) {
		c := s[i]
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

func parseTimeFraction(s string) (Time, error) {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return Time{}, errNotNumber
	}
	if math.IsNaN(f) {
		return Time{}, errNotNumber
	}
	if f < minTime || f >= maxTime+1 {
		return Time{}, errTimeRange
	}
	t := Time{present: true}
	point := -1
	for i := range len(s) {
		switch c := s[i]; {
		case c == '.':
			point = i
		case c < '0' || c > '9':
			// An exponent, or minus zero: the float is as good as the text.
			whole, fraction := math.Modf(f)
			t.sec, t.nsec = int64(whole), int32(fraction*1e9)
			return t, nil
		}
	}
	if point < 0 {
		point = len(s)
	}
	if t.sec, err = strconv.ParseInt(s[:point], 10, 64); err != nil {
		return Time{}, errNotNumber
	}
	unit := int32(100_000_000)
	for i := point + 1; i < len(s) && unit > 0; i++ {
		t.nsec += int32(s[i]-'0') * unit
		unit /= 10
	}
	return t, nil
}
