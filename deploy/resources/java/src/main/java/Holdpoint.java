import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.Strictness;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import com.nimbusds.jose.JWSObject;
import com.nimbusds.jose.crypto.Ed25519Verifier;
import com.nimbusds.jose.jwk.Curve;
import com.nimbusds.jose.jwk.OctetKeyPair;
import com.nimbusds.jose.util.Base64URL;
import io.nats.client.Connection;
import io.nats.client.Message;
import io.nats.client.Nats;
import io.nats.client.Options;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.Base64;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.erdtman.jcs.JsonCanonicalizer;

/** A resource of Holdpoint: it verifies warrants, spends them, and says what became of them. */
final class Holdpoint implements AutoCloseable {
  private static final long LEEWAY_S = 30;
  private static final long LIFE_S = 300;
  private static final Duration TIMEOUT = Duration.ofSeconds(5);

  /** Every doubt: nothing may run. */
  static final class Refused extends RuntimeException {
    final String code;

    Refused(String code, String reason) {
      super(reason);
      this.code = code;
    }
  }

  /** What was asked for, in the words by which agents ask for its approval. `arguments` is JSON as received. */
  record Action(String kind, String name, String target, String arguments) {}

  /** The claims of a genuine warrant for exactly one action, and the digest of it, taken here. */
  record Verified(JsonObject claims, String digest) {
    String requestId() {
      return text(claims, "jti");
    }
  }

  /** What this resource believes. It only moves forward: nothing older than what was seen is believed again. */
  static final class Trust {
    private final String pin;
    private final String name;
    private JsonObject keySet;
    private JsonObject registration;

    Trust(String pin, String name) {
      this.pin = pin;
      this.name = name;
    }

    /** The documents of the broker's hello: all of them lead back to the pinned organisation key. */
    synchronized void adopt(String keySetJws, String registrationJws, long now) {
      var x = pin.substring("ed25519:".length());
      var keys = openJws(keySetJws, "holdpoint-keyset+jws", Map.of(thumbprint(x), x));
      check(now < number(keys, "exp"), "STALE", "key set: it has expired");
      check(keySet == null || version() <= number(keys, "version"), "STALE", "key set: an older one");
      for (var key : keys.getAsJsonArray("keys")) {
        var one = key.getAsJsonObject();
        check(thumbprint(text(one, "x")).equals(text(one, "kid")), "UNTRUSTED", "key set: a kid is no thumbprint");
      }
      var self = openJws(registrationJws, "holdpoint-registration+jws", keysOf(keys, "registry"));
      var agent = self.getAsJsonObject("agent");
      var isOurs = text(agent, "iss").equals(text(keys, "origin")) && text(agent, "sub").equals(name);
      check(isOurs, "UNTRUSTED", "registration: it is somebody else's");
      check(text(self, "enforcement").equals("resource"), "INVALID_CONFIG", "it is registered as no resource");
      var isNewer = registration == null || number(registration, "version") <= number(self, "version");
      check(isNewer, "STALE", "registration: an older one");
      keySet = keys;
      registration = self;
    }

    synchronized long version() {
      return number(keySet, "version");
    }

    synchronized Verified verifyWarrant(String proof, Action action, long now) {
      var arguments = strictJson(action.arguments());
      var parts = proof.split("~", -1);
      check(parts.length == 2 && proof.length() <= 16_384, "INVALID_INPUT", "proof: expected two parts");
      var disclosed = readDisclosed(parts[1]);
      var claims = open(parts[0], "holdpoint-warrant+jwt", now);
      var act = claims.getAsJsonObject("act");

      var document = new JsonObject();
      document.addProperty("v", 1);
      document.add("salt", disclosed.get("salt"));
      document.addProperty("kind", action.kind());
      document.addProperty("name", action.name());
      if (action.target() != null) document.addProperty("target", action.target());
      document.add("arguments", parse(arguments));
      document.add("agent", principal(act));
      document.add("onBehalfOf", disclosed.get("onBehalfOf"));
      document.add("environment", registration.get("environment"));
      document.addProperty("enforcementPoint", "resource:" + name);
      document.add("bindings", disclosed.get("bindings"));
      var digest = "sha-256:" + HexFormat.of().formatHex(sha256(strictJson(document.toString())));

      var details = claims.getAsJsonArray("authorization_details");
      var said = details.get(0).getAsJsonObject();
      var hp = claims.getAsJsonObject("hp");
      var bindings = disclosed.getAsJsonObject("bindings");
      same("details", details.size() == 1);
      same("kind", text(said, "kind").equals(action.kind()));
      same("name", listOf(action.name()).equals(said.get("actions")));
      same("target", action.target() == null ? !said.has("locations") : listOf(action.target()).equals(said.get("locations")));
      same("action_digest", text(said, "action_digest").equals(digest));
      same("precondition", text(said, "precondition").equals(text(bindings, "precondition")));
      same("precondition", said.has("precondition") == bindings.has("precondition"));
      same("act", text(act, "iss").equals(text(keySet, "origin")));
      same("txn", text(claims, "txn").equals(text(claims, "jti")));
      same("decision", number(hp, "v") == 1 && text(hp, "decision").equals("approved"));
      same("ledger", isInLedger(hp));
      Set<JsonObject> seen = new HashSet<>(Set.of(principal(act)));
      for (var approval : hp.getAsJsonArray("approvals")) same("approvals", seen.add(principal(approval.getAsJsonObject())));
      same("approvals", seen.size() > 1);
      return new Verified(claims, digest);
    }

    /** The broker's signed word that this call, and no other, has spent the approval. */
    synchronized void verifyConsumed(String token, String requestId, String nonce, String digest, long now) {
      var claims = open(token, "holdpoint-consumed+jwt", now);
      same("jti", text(claims, "jti").equals(requestId));
      same("nonce", text(claims, "nonce").equals(nonce));
      same("action_digest", text(claims, "action_digest").equals(digest));
      same("ledger", isInLedger(claims));
    }

    /** What the broker has signed, for us and now. */
    private JsonObject open(String token, String typ, long now) {
      check(keySet != null && now < number(keySet, "exp"), "BROKER_UNAVAILABLE", "there is no current key set");
      var claims = openJws(token, typ, keysOf(keySet, "broker"));
      long iat = number(claims, "iat");
      long exp = number(claims, "exp");
      check(now < exp, "STALE", typ + ": it expired at " + exp + ", and it is " + now + " now");
      var begins = claims.has("nbf") ? Math.max(iat, number(claims, "nbf")) : iat;
      same("times", begins <= now + LEEWAY_S && exp > iat && exp - iat <= LIFE_S);
      same("iss", text(claims, "iss").equals(text(keySet, "origin")));
      same("aud", text(claims, "aud").equals("resource:" + name));
      return claims;
    }

    private boolean isInLedger(JsonObject holder) {
      return (text(holder.getAsJsonObject("ledger"), "origin") + "/").startsWith(text(keySet, "origin") + "/");
    }
  }

  private static JsonObject readDisclosed(String encoded) {
    try {
      var disclosed = parse(strictJson(new String(unpack(encoded), StandardCharsets.UTF_8))).getAsJsonObject();
      var people = disclosed.getAsJsonArray("onBehalfOf");
      var bindings = disclosed.getAsJsonObject("bindings");
      var isWhole = disclosed.keySet().equals(Set.of("salt", "onBehalfOf", "bindings")) && text(disclosed, "salt").length() >= 22;
      for (var one : people) isWhole &= one.getAsJsonObject().keySet().equals(Set.of("iss", "sub"));
      isWhole &= Set.of("cwd", "env", "toolSchema", "precondition").containsAll(bindings.keySet());
      if (isWhole) return disclosed;
    } catch (RuntimeException error) {
      // Said below.
    }
    throw new Refused("INVALID_INPUT", "proof: expected salt, onBehalfOf and bindings, and nothing else");
  }

  /** Which algorithm and which keys count is ours to say, and not the header's (RFC 8725). */
  private static JsonObject openJws(String token, String typ, Map<String, String> keys) {
    try {
      var header = parse(strictJson(new String(unpack(token.split("\\.")[0]), StandardCharsets.UTF_8))).getAsJsonObject();
      var x = keys.get(text(header, "kid"));
      var isExpected = header.size() == 3 && text(header, "alg").equals("EdDSA") && text(header, "typ").equals(typ);
      check(isExpected && x != null, "UNTRUSTED", "expected a header of alg EdDSA, typ and a kid that may sign it");
      var key = new OctetKeyPair.Builder(Curve.Ed25519, new Base64URL(x)).build();
      var jws = JWSObject.parse(token);
      check(jws.verify(new Ed25519Verifier(key)), "UNTRUSTED", "the signature is wrong");
      return parse(strictJson(jws.getPayload().toString())).getAsJsonObject();
    } catch (Exception error) {
      throw new Refused("UNTRUSTED", typ + ": " + error.getMessage());
    }
  }

  /** The canonical form (RFC 8785) of JSON that no two readers understand differently. */
  static String strictJson(String text) {
    try {
      parse(text);
      // The library wants a list or an object; it refuses the same key twice.
      var listed = new JsonCanonicalizer("[" + text + "]").getEncodedString();
      var canonical = listed.substring(1, listed.length() - 1);
      check(StandardCharsets.UTF_8.newEncoder().canEncode(canonical), "INVALID_INPUT", "JSON: a lone surrogate");
      Matcher token = STRING_OR_NUMBER.matcher(canonical);
      while (token.find()) {
        if (token.group(1) == null) continue;
        var value = Double.parseDouble(token.group(1));
        var isSafe = value != Math.rint(value) || Math.abs(value) <= 9007199254740991d;
        check(isSafe, "INVALID_INPUT", "JSON: an integer beyond 2^53");
      }
      return canonical;
    } catch (Refused refused) {
      throw refused;
    } catch (Exception error) {
      throw new Refused("INVALID_INPUT", "JSON: " + error.getMessage());
    }
  }

  private static final Pattern STRING_OR_NUMBER = Pattern.compile("\"(?:[^\"\\\\]|\\\\.)*+\"|(-?\\d[\\d.eE+-]*)");

  private static JsonElement parse(String text) {
    try (var reader = new JsonReader(new StringReader(text))) {
      reader.setStrictness(Strictness.STRICT);
      var value = JsonParser.parseReader(reader);
      check(reader.peek() == JsonToken.END_DOCUMENT, "INVALID_INPUT", "JSON: more than one value");
      return value;
    } catch (Refused refused) {
      throw refused;
    } catch (Exception error) {
      throw new Refused("INVALID_INPUT", "JSON: " + error.getMessage());
    }
  }

  private static byte[] unpack(String text) {
    var bytes = Base64.getUrlDecoder().decode(text);
    check(pack(bytes).equals(text), "INVALID_INPUT", "expected base64url without padding");
    return bytes;
  }

  private static String pack(byte[] bytes) {
    return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
  }

  private static byte[] sha256(String text) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
    } catch (java.security.NoSuchAlgorithmException error) {
      throw new IllegalStateException(error);
    }
  }

  private static String thumbprint(String x) {
    return pack(sha256("{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"" + x + "\"}"));
  }

  private static Map<String, String> keysOf(JsonObject keySet, String use) {
    Map<String, String> found = new HashMap<>();
    for (var key : keySet.getAsJsonArray("keys")) {
      var one = key.getAsJsonObject();
      if (text(one, "use").equals(use)) found.put(text(one, "kid"), text(one, "x"));
    }
    return found;
  }

  private static JsonObject principal(JsonObject of) {
    var only = new JsonObject();
    only.add("iss", of.get("iss"));
    only.add("sub", of.get("sub"));
    return only;
  }

  private static JsonArray listOf(String value) {
    var list = new JsonArray();
    list.add(value);
    return list;
  }

  private static String text(JsonObject of, String name) {
    return of.has(name) ? of.get(name).getAsString() : "";
  }

  private static long number(JsonObject of, String name) {
    return of.get(name).getAsLong();
  }

  private static void same(String what, boolean isSame) {
    check(isSame, "WARRANT_MISMATCH", what + " is that of another action, place or time");
  }

  private static void check(boolean isGood, String code, String reason) {
    if (!isGood) throw new Refused(code, reason);
  }

  final String name;
  private final Trust trust;
  private final Connection nats;
  private final String process = random();
  private final java.util.concurrent.ScheduledExecutorService beating =
      Executors.newSingleThreadScheduledExecutor(task -> {
        var thread = new Thread(task, "holdpoint");
        thread.setDaemon(true);
        return thread;
      });

  /**
   * Connects, verifies what the broker says hello with, and goes on sending heartbeats: as long as they come, what this
   * process has spent is not called ambiguous.
   */
  Holdpoint(String url, String name, String credentialsFile, String pin) throws Exception {
    this.name = name;
    trust = new Trust(pin, name);
    nats = Nats.connect(Options.builder()
        .servers(url.split("\\s*,\\s*"))
        .authHandler(Nats.credentials(credentialsFile))
        .inboxPrefix("_INBOX." + name + ".")
        .maxReconnects(-1)
        .build());
    long everyMs = greet();
    beating.scheduleAtFixedRate(this::beat, everyMs, everyMs, TimeUnit.MILLISECONDS);
  }

  /** Spends the approval of exactly this action. Throws Refused. */
  Release verify(String proof, Action action) {
    check(proof != null && !proof.isEmpty(), "WARRANT_REQUIRED", "ask for an approval at this resource first");
    var verified = trust.verifyWarrant(proof, action, now());
    var nonce = random();
    var runtime = verified.claims().getAsJsonObject("hp").getAsJsonObject("runtime");
    // The agent's span is the one that acts.
    var trace = object("traceId", text(runtime, "trace_id"), "spanId", text(runtime, "span_id"));
    var call = object("requestId", verified.requestId(), "actionDigest", verified.digest(), "nonce", nonce, "process", process);
    call.add("trace", trace);
    JsonObject reply;
    try {
      reply = call("consume", call);
    } catch (Refused refused) {
      if (!refused.code.equals("BROKER_UNAVAILABLE")) throw refused;
      // With the same nonce the broker repeats its answer; with another it would be spent.
      reply = call("consume", call);
    }
    trust.verifyConsumed(text(reply, "consumed"), verified.requestId(), nonce, verified.digest(), now());
    return new Release(verified, nonce);
  }

  /** One execution of what was approved, and who answers for it. Say what became of it. */
  final class Release {
    final Verified verified;
    private final String nonce;

    private Release(Verified verified, String nonce) {
      this.verified = verified;
      this.nonce = nonce;
    }

    /** `executed` or `failed`. The first word stands. */
    void done(String outcome, String errorType) {
      var call = object("requestId", verified.requestId(), "nonce", nonce, "outcome", outcome);
      if (errorType != null) call.addProperty("errorType", errorType);
      call("outcome", call);
    }
  }

  private JsonObject call(String call, JsonObject body) {
    Message message;
    try {
      var data = body.toString().getBytes(StandardCharsets.UTF_8);
      message = nats.request("hp.v1.agent." + name + "." + call, data, TIMEOUT);
    } catch (InterruptedException error) {
      Thread.currentThread().interrupt();
      throw new Refused("BROKER_UNAVAILABLE", "interrupted");
    } catch (RuntimeException error) {
      throw new Refused("BROKER_UNAVAILABLE", String.valueOf(error.getMessage()));
    }
    check(message != null && message.getData() != null && message.getData().length > 0, "BROKER_UNAVAILABLE", "no answer");
    var reply = parse(new String(message.getData(), StandardCharsets.UTF_8)).getAsJsonObject();
    if (!reply.has("error")) return reply;
    var error = reply.getAsJsonObject("error");
    throw new Refused(text(error, "code"), text(error, "message"));
  }

  private long greet() {
    var hello = call("hello", object("process", process));
    trust.adopt(text(hello, "keySet"), text(hello, "registration"), now());
    return number(hello, "heartbeatMs");
  }

  private void beat() {
    try {
      var body = object("process", process);
      body.add("waiting", new JsonArray());
      if (number(call("heartbeat", body), "keySetVersion") > trust.version()) greet();
    } catch (RuntimeException error) {
      System.err.println("holdpoint: " + error.getMessage());
    }
  }

  private static JsonObject object(String... members) {
    var made = new JsonObject();
    for (int at = 0; at < members.length; at += 2) made.addProperty(members[at], members[at + 1]);
    return made;
  }

  private static String random() {
    var bytes = new byte[16];
    new SecureRandom().nextBytes(bytes);
    return pack(bytes);
  }

  private static long now() {
    return System.currentTimeMillis() / 1000;
  }

  @Override
  public void close() throws InterruptedException {
    beating.shutdownNow();
    nats.close();
  }
}
