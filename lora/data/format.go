package data

import (
	"fmt"
	"slices"
	"strings"
)

// Format says which fields a row has.
type Format string

// The formats. Auto, the zero value, takes the format that most of the first rows of a file fit.
const (
	Auto       Format = ""
	Alpaca     Format = "alpaca"     // instruction, output, and input where there is one
	Messages   Format = "messages"   // messages of role and content, as OpenAI has them, and tools where there are some
	ShareGPT   Format = "sharegpt"   // conversations of from and value, and system and tools where there are some
	Completion Format = "completion" // prompt, completion
	Text       Format = "text"       // text
)

// formats in the order in which they are tried: published alpaca rows have a "text" as well.
var formats = []Format{Alpaca, Messages, ShareGPT, Completion, Text}

// fields are the fields of a format, required ones first. Those that need not be there may also be null or empty.
func (f Format) fields() (required, optional []string) {
	switch f {
	case Alpaca:
		return []string{"instruction", "output"}, []string{"input"}
	case Messages:
		return []string{"messages"}, []string{"tools"}
	case ShareGPT:
		return []string{"conversations"}, []string{"system", "tools"}
	case Completion:
		return []string{"prompt", "completion"}, nil
	case Text:
		return []string{"text"}, nil
	}
	return nil, nil
}

// conversation tells whether rows are conversations of any number of turns.
func (f Format) conversation() bool { return f == Messages || f == ShareGPT }

// ParseFormat checks a name from outside; "auto" and "" are Auto.
func ParseFormat(name string) (Format, error) {
	f := Format(strings.ToLower(name))
	if f == "auto" || f == Auto {
		return Auto, nil
	}
	if !slices.Contains(formats, f) {
		return "", fmt.Errorf("data: format: want auto or one of %v, have %q", formats, name)
	}
	return f, nil
}

// Columns says which column of a file holds a field: the keys are fields, the values columns. A field that is not in it
// is in the column of its name.
type Columns map[string]string

// ParseColumns reads field=column pairs. A field that no format has, or that is given twice, is an error.
func ParseColumns(pairs []string) (Columns, error) {
	c := Columns{}
	for _, pair := range pairs {
		field, column, ok := strings.Cut(pair, "=")
		field = strings.TrimSpace(field)
		switch {
		case !ok || column == "":
			return nil, fmt.Errorf("data: map: want field=column, have %q", pair)
		case !slices.Contains(fieldNames, field):
			return nil, fmt.Errorf("data: map: want one of the fields %s, have %q", strings.Join(fieldNames, ", "), field)
		case c[field] != "":
			return nil, fmt.Errorf("data: map: want the field %s once, have it twice", field)
		}
		c[field] = column
	}
	return c, nil
}

func (c Columns) of(field string) string {
	if column, ok := c[field]; ok {
		return column
	}
	return field
}

// fieldNames are the fields of all formats, each once.
var fieldNames = func() (all []string) {
	for _, f := range formats {
		required, optional := f.fields()
		for _, name := range append(required, optional...) {
			if !slices.Contains(all, name) {
				all = append(all, name)
			}
		}
	}
	return all
}()
