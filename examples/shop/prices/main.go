// Prices is an HTTP server that knows nothing of Roster.
package main

import (
	"flag"
	"fmt"
	"log"
	"net/http"
	"time"
)

func main() {
	name := flag.String("name", "", "`name` to answer with")
	listen := flag.String("listen", "127.0.0.1:8091", "`address` to listen on")
	flag.Parse()
	http.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {})
	http.HandleFunc("GET /prices/{item}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "prices %s asks %d cents", *name, 10*len(r.PathValue("item")))
	})
	server := &http.Server{Addr: *listen, ReadHeaderTimeout: 5 * time.Second} // of slow clients
	log.Fatal(server.ListenAndServe())
}
