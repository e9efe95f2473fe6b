package jinja

// Field is an entry of a dict whose key is a string.
type Field struct {
	Name  string
	Value Value
}

// String is a text.
func String(s string) Value { return Value{s} }

// Bool is a truth value.
func Bool(b bool) Value { return Value{b} }

// List is a list of values.
func List(values ...Value) Value {
	l := &list{items: make([]any, len(values))}
	for i, v := range values {
		l.items[i] = v.of
	}
	return Value{l}
}

// Dict is a dict with fields in their order; of those with one name the last counts.
func Dict(fields []Field) Value {
	d := newDict()
	for _, f := range fields {
		d.set(f.Name, f.Value.of)
	}
	return Value{d}
}

// Fields are the entries of a value that is a dict read from JSON.
func (v Value) Fields() (fields []Field, ok bool) {
	d, ok := v.of.(*dict)
	if !ok {
		return nil, false
	}
	for i, k := range d.keys {
		name, _ := k.(string)
		fields = append(fields, Field{name, Value{d.values[i]}})
	}
	return fields, true
}

// IsNone tells whether a value is None, as the zero Value is.
func (v Value) IsNone() bool { return v.of == nil }
