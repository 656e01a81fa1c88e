package member

import (
	"encoding/json"
	"io"
)

// Order is what the parent asks for.
type Order struct {
	Config Config
	Parent int  // its process ID
	Again  bool // an etcd of this folder has failed before: wait until its disk has space
}

// Send writes an order to the standard input of the process.
func (o Order) Send(w io.Writer) error { return json.NewEncoder(w).Encode(o) }

// SendStop writes the word that ends the process in good order.
func SendStop(w io.Writer) error { return json.NewEncoder(w).Encode("stop") }
