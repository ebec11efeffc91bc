package host

import (
	"context"
	"encoding/json"
	"testing"

	"bundy/internal/suite/bus"
	"bundy/internal/suite/config"
	"bundy/internal/suite/schema"
)

// TestFetch asks for a document three times: the second time it is known already, the third time there is a new one.
func TestFetch(t *testing.T) {
	hub := bus.NewHub()
	defer hub.Close()
	manager, conn := hub.Connect(), hub.Connect()
	defer manager.Close()
	defer conn.Close()
	var asked []int
	number := 7
	_, err := manager.Register(t.Context(), config.ModuleName, func(_ context.Context, _ string, raw json.RawMessage) (any, error) {
		var known config.Known
		if err := json.Unmarshal(raw, &known); err != nil {
			return nil, err
		}
		asked = append(asked, known.Number)
		if known.Number == number {
			return config.Visible{Number: number}, nil
		}
		return config.Visible{Number: number, Document: schema.Document{"Auth": {"n": number}}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	fetch := Fetch(conn)
	for i, test := range []struct{ number, known int }{{7, 0}, {7, 7}, {8, 7}} {
		number = test.number
		doc, err := fetch(t.Context())
		if err != nil || !schema.Equal(doc["Auth"]["n"], int64(test.number)) || len(asked) != i+1 || asked[i] != test.known {
			t.Errorf("fetch %d: document %v (%v) after requests that knew %v, want number %d by one that knew %d", i+1, doc, err, asked, test.number, test.known)
		}
	}
}
