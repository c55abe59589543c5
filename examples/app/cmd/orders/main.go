// Orders keeps what customers ordered, as long as it runs.
package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"

	"acme.example/app/lib/money"
	"acme.example/app/lib/web"
	"github.com/google/uuid"
)

type order struct {
	ID      string       `json:"id"`
	Pieces  int          `json:"pieces"`
	Price   money.Amount `json:"price"`
	Invoice string       `json:"invoice"`
}

type book struct {
	mutex   sync.Mutex
	orders  []order
	billing string
}

func main() {
	book := &book{orders: []order{}, billing: web.Setting("BILLING_URL", "http://localhost:8083")}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders", book.list)
	mux.HandleFunc("POST /orders", book.add)
	web.Serve("orders", mux)
}

func (b *book) list(w http.ResponseWriter, _ *http.Request) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	web.JSON(w, b.orders)
}

func (b *book) add(w http.ResponseWriter, r *http.Request) {
	var wanted order
	if err := json.NewDecoder(r.Body).Decode(&wanted); err != nil || wanted.Pieces < 1 || wanted.Price < 0 {
		http.Error(w, "an order has pieces and a price", http.StatusBadRequest)
		return
	}
	wanted.ID = uuid.NewString()
	total := wanted.Price.Times(wanted.Pieces)
	wanted.Invoice = fmt.Sprintf("%s/invoices/%d", b.billing, int64(total))
	fmt.Printf("order %s: %d pieces, %v in all\n", wanted.ID, wanted.Pieces, total)
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.orders = append(b.orders, wanted)
	web.JSON(w, wanted)
}
