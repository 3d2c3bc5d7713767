// POST /accounts/{account}/payouts, with a warrant or not at all.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"reflect"
	"strings"
)

func pay(account string, arguments []byte) error {
	_, err := fmt.Printf("paid %s out of %s\n", arguments, account)
	return err
}

func payouts(resource *Resource) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		// Read once: what is digested is what is paid.
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		account := r.PathValue("account")
		proof := strings.Join(r.Header.Values("Holdpoint-Warrant"), ", ")
		release, err := resource.Verify(proof, Action{"tool", "payout", "accounts/" + account, body})
		if err != nil {
			refused(w, resource, err)
			return
		}
		if err := pay(account, body); err != nil {
			report(release.Done("failed", "payout"))
			http.Error(w, "failed", http.StatusInternalServerError)
			return
		}
		report(release.Done("executed", ""))
		answer(w, http.StatusOK, map[string]any{"paid": true, "releasedBy": release.Claims.Hp.Approvals[0].Name})
	}
}

func report(err error) {
	if err != nil {
		log.Printf("holdpoint: the outcome was not taken: %v", err)
	}
}

func refused(w http.ResponseWriter, resource *Resource, err error) {
	refusal := &Refused{Code: "INTERNAL"}
	errors.As(err, &refusal)
	status := http.StatusForbidden
	switch refusal.Code {
	case "INVALID_INPUT":
		status = http.StatusBadRequest
	case "BROKER_UNAVAILABLE", "POLICY_UNAVAILABLE", "LEDGER_UNAVAILABLE", "UNAVAILABLE", "TOO_MANY", "INTERNAL":
		status = http.StatusServiceUnavailable
		w.Header().Set("Retry-After", "5")
	}
	answer(w, status, map[string]any{
		"status": status, "code": refusal.Code, "detail": refusal.Reason, "resource": resource.Name,
	})
}

func answer(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	if status != http.StatusOK {
		w.Header().Set("Content-Type", "application/problem+json")
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value)
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == "--vectors" {
		os.Exit(min(1, checkVectors(os.Args[2])))
	}
	env := os.Getenv
	resource, err := StartResource(
		env("HOLDPOINT_NATS_URL"), env("HOLDPOINT_AGENT"), env("HOLDPOINT_CREDENTIALS"), env("HOLDPOINT_PIN"))
	if err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("POST /accounts/{account}/payouts", payouts(resource))
	log.Fatal(http.ListenAndServe("127.0.0.1:"+env("PORT"), nil))
}

// checkVectors holds this program to the test vectors, and returns how many cases failed.
func checkVectors(path string) (failed int) {
	var vectors struct {
		Pin, Resource string
		Now           int64
		Documents     struct{ KeySet, Registration string }
		Cases         []struct {
			Name, Proof, ArgumentsText string
			Action                     Action
			Now                        int64
			Result                     map[string]any
		}
		Consumed []struct {
			Name, Jws, RequestID, Nonce, ActionDigest string
			Result                                    map[string]any
		}
	}
	data, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(data, &vectors)
	}
	if err != nil {
		log.Fatal(err)
	}
	trust := Trust{pin: vectors.Pin, name: vectors.Resource}
	if err := trust.Adopt(vectors.Documents.KeySet, vectors.Documents.Registration, vectors.Now); err != nil {
		log.Fatal(err)
	}
	compare := func(name string, err error, found, expected map[string]any) {
		if refusal := (*Refused)(nil); errors.As(err, &refusal) {
			found = map[string]any{"ok": false, "code": refusal.Code}
		}
		if !reflect.DeepEqual(found, expected) {
			failed++
			fmt.Printf("%s: %v, expected %v\n", name, found, expected)
		}
	}
	for _, one := range vectors.Cases {
		now := vectors.Now
		if one.Now != 0 {
			now = one.Now
		}
		one.Action.Arguments = []byte(one.ArgumentsText)
		claims, digest, err := trust.VerifyWarrant(one.Proof, one.Action, now)
		found := map[string]any{"ok": true, "actionDigest": digest}
		if claims != nil {
			found["requestId"] = claims.Jti
		}
		compare(one.Name, err, found, one.Result)
	}
	for _, one := range vectors.Consumed {
		err := trust.VerifyConsumed(one.Jws, one.RequestID, one.Nonce, one.ActionDigest, vectors.Now)
		compare(one.Name, err, map[string]any{"ok": true}, one.Result)
	}
	fmt.Printf("%d vectors, %d failed\n", len(vectors.Cases)+len(vectors.Consumed), failed)
	return failed
}
