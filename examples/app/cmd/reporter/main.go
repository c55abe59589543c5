// The reporter counts the orders of the shop, every minute.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"time"

	"acme.example/app/lib/worker"
)

func main() {
	worker.Every(time.Minute, "reporter", func(ctx context.Context) (string, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, os.Getenv("ORDERS_URL")+"/orders", nil)
		if err != nil {
			return "", err
		}
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			return "", err
		}
		defer answer.Body.Close()
		var orders []json.RawMessage
		if err := json.NewDecoder(answer.Body).Decode(&orders); err != nil {
			return "", err
		}
		return fmt.Sprintf("%d orders so far", len(orders)), nil
	})
}
