// The catalog knows what the shop sells.
package main

import (
	"net/http"

	"acme.example/app/lib/web"
)

type product struct {
	Name  string `json:"name"`
	Cents int64  `json:"cents"`
}

var products = []product{
	{Name: "anvil", Cents: 4999},
	{Name: "rocket skates", Cents: 12950},
	{Name: "tunnel paint", Cents: 1575},
}

func main() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /products", func(w http.ResponseWriter, _ *http.Request) { web.JSON(w, products) })
	web.Serve("catalog", mux)
}
