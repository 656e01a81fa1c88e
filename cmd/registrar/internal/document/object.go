package document

// File is what a file says.
type File struct {
	Objects []Object
	// List says that there are several, or that they are in an array.
	List bool
}

// Object is an object of a file.
type Object struct {
	// JSON is one JSON value, of any type, in which no member is there twice.
	JSON []byte
	// line returns the line of what is at a path, or of the closest that is above it.
	line func(path []string) int
}

// Line returns the line in the file, from 1, of the member that a catalog.FieldError
// names, or of what it would be in.
func (o *Object) Line(field string) int { return o.line(splitField(field)) }
