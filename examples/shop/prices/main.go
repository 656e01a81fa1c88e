// Prices is an HTTP server that knows nothing of Roster.
package main

import (
	"flag"
	"fmt"
	"log"
	"net/http"
	"time"
)

// cents are the prices of items.
var cents = map[string]int{"apples": 60}

func main() {
	name := flag.String("name", "", "`name` to answer with")
	listen := flag.String("listen", "127.0.0.1:8091", "`address` to listen on")
	flag.Parse()
	http.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {})
	http.HandleFunc("GET /prices/{item}", func(w http.ResponseWriter, r *http.Request) {
		price, ok := cents[r.PathValue("item")]
		if !ok {
			http.NotFound(w, r)
			return
		}
		fmt.Fprintf(w, "prices %s asks %d cents", *name, price)
	})
	server := &http.Server{Addr: *listen, ReadHeaderTimeout: 5 * time.Second} // of slow clients
	log.Fatal(server.ListenAndServe())
}
