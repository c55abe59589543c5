// Billing writes invoices in the shop's currency.
package main

import (
	"fmt"
	"net/http"
	"strconv"

	"acme.example/app/lib/money"
	"acme.example/app/lib/web"
)

func main() {
	currency := web.Setting("CURRENCY", "EUR")
	mux := http.NewServeMux()
	mux.HandleFunc("GET /invoices/{cents}", func(w http.ResponseWriter, r *http.Request) {
		cents, err := strconv.ParseInt(r.PathValue("cents"), 10, 64)
		if err != nil {
			http.Error(w, "an amount is a number of cents", http.StatusBadRequest)
			return
		}
		fmt.Fprintf(w, "Please pay %v %s.\n", money.Amount(cents), currency)
	})
	web.Serve("billing", mux)
}
