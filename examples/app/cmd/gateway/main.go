// The gateway is what customers talk to; it hands each request to the service that knows.
package main

import (
	"fmt"
	"io"
	"net/http"
	"time"

	"acme.example/app/lib/web"
)

var client = &http.Client{Timeout: 5 * time.Second}

func main() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /products", ask(web.Setting("CATALOG_URL", "http://localhost:8081")))
	mux.HandleFunc("GET /orders", ask(web.Setting("ORDERS_URL", "http://localhost:8082")))
	web.Serve("gateway", mux)
}

// ask passes a question on to the service at url, and its answer back.
func ask(url string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		answer, err := client.Get(url + r.URL.Path)
		if err != nil {
			http.Error(w, fmt.Sprintf("%s does not answer", r.URL.Path), http.StatusBadGateway)
			return
		}
		defer answer.Body.Close()
		w.Header().Set("Content-Type", answer.Header.Get("Content-Type"))
		w.WriteHeader(answer.StatusCode)
		io.Copy(w, answer.Body)
	}
}
