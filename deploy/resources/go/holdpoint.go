package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/gowebpki/jcs"
	"github.com/nats-io/nats.go"
)

const (
	leewayS = 30
	lifeS   = 300
	timeout = 5 * time.Second
)

// Refused is every doubt: nothing may run.
type Refused struct{ Code, Reason string }

func (r *Refused) Error() string { return r.Code + ": " + r.Reason }

func refuse(code, format string, args ...any) error {
	return &Refused{code, fmt.Sprintf(format, args...)}
}

// Action is what was asked for, in the words by which agents ask for its approval. Arguments are JSON as received.
type Action struct {
	Kind      string          `json:"kind"`
	Name      string          `json:"name"`
	Target    string          `json:"target,omitempty"`
	Arguments json.RawMessage `json:"arguments"`
}

type principal struct {
	Iss string `json:"iss"`
	Sub string `json:"sub"`
}

type disclosed struct {
	Salt       string      `json:"salt"`
	OnBehalfOf []principal `json:"onBehalfOf"`
	Bindings   struct {
		Cwd          *string `json:"cwd,omitempty"`
		Env          *string `json:"env,omitempty"`
		ToolSchema   *string `json:"toolSchema,omitempty"`
		Precondition *string `json:"precondition,omitempty"`
	} `json:"bindings"`
}

type times struct {
	Iss, Aud      string
	Iat, Nbf, Exp int64
}

type ledger struct{ Origin string }

// Claims of a warrant, as far as they are looked at.
type Claims struct {
	times
	Act     principal
	Jti     string
	Txn     string
	Details []struct {
		Kind         string
		Actions      []string
		Locations    []string
		ActionDigest string `json:"action_digest"`
		Precondition *string
	} `json:"authorization_details"`
	Hp struct {
		V        int
		Decision string
		Rule     string
		Runtime  struct {
			TraceID string `json:"trace_id"`
			SpanID  string `json:"span_id"`
		}
		Approvals []struct {
			principal
			Name, Assurance string
		}
		Ledger ledger
	}
}

type keySet struct {
	Origin  string
	Version int
	Exp     int64
	Keys    []struct{ Kid, Use, X string }
}

type registration struct {
	Version                  int
	Agent                    principal
	Environment, Enforcement string
}

// Trust is what this resource believes. It only moves forward: nothing older than what was seen is believed again.
type Trust struct {
	pin, name string
	mutex     sync.RWMutex
	keys      keySet
	self      registration
}

// Adopt takes the documents of the broker's hello: all of them lead back to the pinned organisation key.
func (t *Trust) Adopt(keySetJWS, registrationJWS string, now int64) error {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	x := strings.TrimPrefix(t.pin, "ed25519:")
	var keys keySet
	if err := openJWS(keySetJWS, "holdpoint-keyset+jws", map[string]string{thumbprint(x): x}, &keys); err != nil {
		return err
	}
	if now >= keys.Exp || keys.Version < t.keys.Version {
		return refuse("STALE", "key set: it has expired, or is older than one already seen")
	}
	for _, key := range keys.Keys {
		if thumbprint(key.X) != key.Kid {
			return refuse("UNTRUSTED", "key set: a kid is not the thumbprint of its key")
		}
	}
	var self registration
	if err := openJWS(registrationJWS, "holdpoint-registration+jws", keys.of("registry"), &self); err != nil {
		return err
	}
	if self.Agent != (principal{keys.Origin, t.name}) {
		return refuse("UNTRUSTED", "registration: it is that of %s", self.Agent.Sub)
	}
	if self.Enforcement != "resource" {
		return refuse("INVALID_CONFIG", "registered as %s, expected resource", self.Enforcement)
	}
	if self.Version < t.self.Version {
		return refuse("STALE", "registration: it is older than one already seen")
	}
	t.keys, t.self = keys, self
	return nil
}

func (k keySet) of(use string) map[string]string {
	found := map[string]string{}
	for _, key := range k.Keys {
		if key.Use == use {
			found[key.Kid] = key.X
		}
	}
	return found
}

// VerifyWarrant returns the claims of a genuine warrant for exactly this action, and the digest of it, taken here.
func (t *Trust) VerifyWarrant(proof string, action Action, now int64) (*Claims, string, error) {
	t.mutex.RLock()
	defer t.mutex.RUnlock()
	arguments, err := strictJSON(action.Arguments)
	if err != nil {
		return nil, "", err
	}
	action.Arguments = arguments
	warrant, encoded, found := strings.Cut(proof, "~")
	data, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if !found || err != nil || len(proof) > 16_384 {
		return nil, "", refuse("INVALID_INPUT", "proof: expected a warrant, ~, and base64url")
	}
	var shown disclosed
	if err := decodeStrictly(data, &shown); err != nil || len(shown.Salt) < 22 || shown.OnBehalfOf == nil {
		return nil, "", refuse("INVALID_INPUT", "proof: expected salt, onBehalfOf and bindings, and nothing else")
	}
	var claims Claims
	if err := openJWS(warrant, "holdpoint-warrant+jwt", t.keys.of("broker"), &claims); err != nil {
		return nil, "", err
	}
	if err := t.checkTimes("warrant", claims.times, now); err != nil {
		return nil, "", err
	}
	document, err := json.Marshal(struct {
		V    int    `json:"v"`
		Salt string `json:"salt"`
		Action
		Agent            principal   `json:"agent"`
		OnBehalfOf       []principal `json:"onBehalfOf"`
		Environment      string      `json:"environment"`
		EnforcementPoint string      `json:"enforcementPoint"`
		Bindings         any         `json:"bindings"`
	}{1, shown.Salt, action, claims.Act, shown.OnBehalfOf, t.self.Environment, "resource:" + t.name, shown.Bindings})
	if err != nil {
		return nil, "", refuse("INVALID_INPUT", "%v", err)
	}
	canonical, err := jcs.Transform(document)
	if err != nil {
		return nil, "", refuse("INVALID_INPUT", "%v", err)
	}
	sum := sha256.Sum256(canonical)
	digest := "sha-256:" + hex.EncodeToString(sum[:])
	if err := t.checkSame(&claims, action, shown, digest); err != nil {
		return nil, "", err
	}
	return &claims, digest, nil
}

func (t *Trust) checkSame(claims *Claims, action Action, shown disclosed, digest string) error {
	if len(claims.Details) != 1 {
		return refuse("WARRANT_MISMATCH", "warrant: it is for %d actions", len(claims.Details))
	}
	said := claims.Details[0]
	var locations []string
	if action.Target != "" {
		locations = []string{action.Target}
	}
	seen := map[principal]bool{claims.Act: true}
	for _, approval := range claims.Hp.Approvals {
		if seen[approval.principal] {
			return refuse("WARRANT_MISMATCH", "warrant: the agent's own approval, or somebody's twice")
		}
		seen[approval.principal] = true
	}
	switch {
	case said.Kind != action.Kind, !slices.Equal(said.Actions, []string{action.Name}), !slices.Equal(said.Locations, locations):
		return refuse("WARRANT_MISMATCH", "warrant: it is for %s %v at %v", said.Kind, said.Actions, said.Locations)
	case said.ActionDigest != digest:
		return refuse("WARRANT_MISMATCH", "warrant: it is for %s, found %s", said.ActionDigest, digest)
	case text(said.Precondition) != text(shown.Bindings.Precondition):
		return refuse("WARRANT_MISMATCH", "warrant: it relies on another precondition")
	case claims.Act.Iss != t.keys.Origin, claims.Txn != claims.Jti, claims.Hp.V != 1, claims.Hp.Decision != "approved":
		return refuse("WARRANT_MISMATCH", "warrant: agent, transaction or decision")
	case len(claims.Hp.Approvals) == 0, !t.inLedger(claims.Hp.Ledger):
		return refuse("WARRANT_MISMATCH", "warrant: approvals or ledger")
	}
	return nil
}

func text(value *string) string {
	if value == nil {
		return "absent"
	}
	return "=" + *value
}

// VerifyConsumed checks the broker's signed word that this call, and no other, has spent the approval.
func (t *Trust) VerifyConsumed(token, requestID, nonce, digest string, now int64) error {
	t.mutex.RLock()
	defer t.mutex.RUnlock()
	var claims struct {
		times
		Jti, Nonce   string
		ActionDigest string `json:"action_digest"`
		Ledger       ledger
	}
	if err := openJWS(token, "holdpoint-consumed+jwt", t.keys.of("broker"), &claims); err != nil {
		return err
	}
	if err := t.checkTimes("consume answer", claims.times, now); err != nil {
		return err
	}
	if claims.Jti != requestID || claims.Nonce != nonce || claims.ActionDigest != digest || !t.inLedger(claims.Ledger) {
		return refuse("WARRANT_MISMATCH", "consume answer: it is for another call")
	}
	return nil
}

func (t *Trust) checkTimes(what string, claims times, now int64) error {
	life := claims.Exp - claims.Iat
	switch {
	case now >= t.keys.Exp:
		return refuse("BROKER_UNAVAILABLE", "there is no current key set")
	case now >= claims.Exp:
		return refuse("STALE", "%s: it expired at %d, and it is %d now", what, claims.Exp, now)
	case max(claims.Iat, claims.Nbf) > now+leewayS, life <= 0, life > lifeS:
		return refuse("WARRANT_MISMATCH", "%s: its times", what)
	case claims.Iss != t.keys.Origin, claims.Aud != "resource:"+t.name:
		return refuse("WARRANT_MISMATCH", "%s: it is from %s for %s", what, claims.Iss, claims.Aud)
	}
	return nil
}

func (t *Trust) inLedger(found ledger) bool {
	return strings.HasPrefix(found.Origin+"/", t.keys.Origin+"/")
}

// openJWS: which algorithm and which keys count is ours to say, and not the header's (RFC 8725).
func openJWS(token, typ string, keys map[string]string, into any) error {
	var header map[string]string
	encoded, _, _ := strings.Cut(token, ".")
	raw, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err == nil {
		err = decodeStrictly(raw, &header)
	}
	x, isKnown := keys[header["kid"]]
	if err != nil || len(header) != 3 || header["alg"] != "EdDSA" || header["typ"] != typ || !isKnown {
		return refuse("UNTRUSTED", "%s: expected a header of alg EdDSA, typ and a kid that may sign it", typ)
	}
	key, err := base64.RawURLEncoding.Strict().DecodeString(x)
	if err != nil || len(key) != ed25519.PublicKeySize {
		return refuse("UNTRUSTED", "%s: its key is none", typ)
	}
	signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.EdDSA})
	if err != nil {
		return refuse("UNTRUSTED", "%s: %v", typ, err)
	}
	payload, err := signed.Verify(ed25519.PublicKey(key))
	if err == nil {
		err = json.Unmarshal(payload, into)
	}
	if err != nil {
		return refuse("UNTRUSTED", "%s: %v", typ, err)
	}
	return nil
}

func thumbprint(x string) string {
	sum := sha256.Sum256([]byte(`{"crv":"Ed25519","kty":"OKP","x":"` + x + `"}`))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// strictJSON returns the canonical form (RFC 8785) of JSON that no two readers understand differently.
func strictJSON(data []byte) ([]byte, error) {
	if !json.Valid(data) {
		return nil, refuse("INVALID_INPUT", "not JSON")
	}
	canonical, err := jcs.Transform(data) // refuses the same key twice, and lone surrogates
	if err != nil {
		return nil, refuse("INVALID_INPUT", "JSON: %v", err)
	}
	tokens := json.NewDecoder(bytes.NewReader(data))
	tokens.UseNumber()
	for {
		token, err := tokens.Token()
		if errors.Is(err, io.EOF) {
			return canonical, nil
		}
		if err != nil {
			return nil, refuse("INVALID_INPUT", "JSON: %v", err)
		}
		if number, isNumber := token.(json.Number); isNumber {
			value, err := number.Float64()
			if err != nil || value == math.Trunc(value) && math.Abs(value) > 1<<53-1 {
				return nil, refuse("INVALID_INPUT", "JSON: the number %s", number)
			}
		}
	}
}

func decodeStrictly(data []byte, into any) error {
	if _, err := strictJSON(data); err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}

// Resource speaks to the broker under its own registration.
type Resource struct {
	Name    string
	trust   Trust
	nc      *nats.Conn
	process string
}

// Release is one execution of what was approved, and who answers for it. Say what became of it.
type Release struct {
	resource *Resource
	Claims   *Claims
	nonce    string
}

func random() string {
	bytes := make([]byte, 16)
	_, _ = rand.Read(bytes)
	return base64.RawURLEncoding.EncodeToString(bytes)
}

// StartResource connects, verifies what the broker says hello with, and goes on sending heartbeats: as long as they
// come, what this process has spent is not called ambiguous.
func StartResource(url, name, credentialsFile, pin string) (*Resource, error) {
	nc, err := nats.Connect(url, nats.UserCredentials(credentialsFile),
		nats.CustomInboxPrefix("_INBOX."+name), nats.MaxReconnects(-1))
	if err != nil {
		return nil, err
	}
	r := &Resource{Name: name, trust: Trust{pin: pin, name: name}, nc: nc, process: random()}
	every, err := r.greet()
	if err != nil {
		return nil, err
	}
	go r.beat(every)
	return r, nil
}

func (r *Resource) call(name string, body, into any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	message, err := r.nc.Request("hp.v1.agent."+r.Name+"."+name, data, timeout)
	if err != nil {
		return refuse("BROKER_UNAVAILABLE", "%v", err)
	}
	var failed struct{ Error *Refused }
	if err := json.Unmarshal(message.Data, &failed); err != nil {
		return refuse("BROKER_UNAVAILABLE", "%v", err)
	}
	if failed.Error != nil {
		return failed.Error
	}
	return json.Unmarshal(message.Data, into)
}

func (r *Resource) greet() (time.Duration, error) {
	var hello struct {
		KeySet, Registration string
		HeartbeatMs          int64
	}
	if err := r.call("hello", map[string]string{"process": r.process}, &hello); err != nil {
		return 0, err
	}
	every := time.Duration(hello.HeartbeatMs) * time.Millisecond
	return every, r.trust.Adopt(hello.KeySet, hello.Registration, time.Now().Unix())
}

func (r *Resource) beat(every time.Duration) {
	for range time.Tick(every) {
		var reply struct{ KeySetVersion int }
		err := r.call("heartbeat", map[string]any{"process": r.process, "waiting": []string{}}, &reply)
		if err == nil && reply.KeySetVersion > r.trust.keys.Version {
			_, err = r.greet()
		}
		if err != nil {
			log.Printf("holdpoint: %v", err)
		}
	}
}

// Verify spends the approval of exactly this action. Any error is a refusal.
func (r *Resource) Verify(proof string, action Action) (*Release, error) {
	if proof == "" {
		return nil, refuse("WARRANT_REQUIRED", "ask for an approval at this resource first")
	}
	claims, digest, err := r.trust.VerifyWarrant(proof, action, time.Now().Unix())
	if err != nil {
		return nil, err
	}
	nonce, runtime := random(), claims.Hp.Runtime
	call := map[string]any{
		"requestId": claims.Jti, "actionDigest": digest, "nonce": nonce, "process": r.process,
		// The agent's span is the one that acts.
		"trace": map[string]string{"traceId": runtime.TraceID, "spanId": runtime.SpanID},
	}
	var reply struct{ Consumed string }
	err = r.call("consume", call, &reply)
	if refused := (*Refused)(nil); errors.As(err, &refused) && refused.Code == "BROKER_UNAVAILABLE" {
		// With the same nonce the broker repeats its answer; with another it would be spent.
		err = r.call("consume", call, &reply)
	}
	if err != nil {
		return nil, err
	}
	if err := r.trust.VerifyConsumed(reply.Consumed, claims.Jti, nonce, digest, time.Now().Unix()); err != nil {
		return nil, err
	}
	return &Release{r, claims, nonce}, nil
}

// Done says `executed` or `failed`. The first word stands.
func (l *Release) Done(outcome, errorType string) error {
	call := map[string]string{"requestId": l.Claims.Jti, "nonce": l.nonce, "outcome": outcome}
	if errorType != "" {
		call["errorType"] = errorType
	}
	return l.resource.call("outcome", call, &struct{}{})
}
