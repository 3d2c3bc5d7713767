import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.regex.Pattern;

/** POST /accounts/{account}/payouts, with a warrant or not at all. */
final class Main {
  private static final Pattern PATH = Pattern.compile("/accounts/(\\w+)/payouts");
  private static final Set<String> NOBODY_HAS_JUDGED =
      Set.of("BROKER_UNAVAILABLE", "POLICY_UNAVAILABLE", "LEDGER_UNAVAILABLE", "UNAVAILABLE", "TOO_MANY");

  public static void main(String[] args) throws Exception {
    if (args.length == 2 && args[0].equals("--vectors")) System.exit(checkVectors(Path.of(args[1])) == 0 ? 0 : 1);
    var env = System.getenv();
    var resource = new Holdpoint(
        env.get("HOLDPOINT_NATS_URL"), env.get("HOLDPOINT_AGENT"), env.get("HOLDPOINT_CREDENTIALS"), env.get("HOLDPOINT_PIN"));
    var server = HttpServer.create(new InetSocketAddress("127.0.0.1", Integer.parseInt(env.getOrDefault("PORT", "8080"))), 0);
    server.setExecutor(Executors.newCachedThreadPool());
    server.createContext("/", exchange -> payouts(exchange, resource));
    server.start();
  }

  private static void payouts(HttpExchange exchange, Holdpoint resource) throws IOException {
    var path = PATH.matcher(exchange.getRequestURI().getPath());
    if (!path.matches() || !exchange.getRequestMethod().equals("POST")) {
      answer(exchange, 404, new JsonObject());
      return;
    }
    // Read once: what is digested is what is paid.
    var body = new String(exchange.getRequestBody().readNBytes(1_048_576), StandardCharsets.UTF_8);
    var proof = String.join(", ", exchange.getRequestHeaders().getOrDefault("Holdpoint-Warrant", List.of()));
    try {
      var account = path.group(1);
      var release = resource.verify(proof, new Holdpoint.Action("tool", "payout", "accounts/" + account, body));
      try {
        System.out.println("paid " + body + " out of " + account);
      } catch (RuntimeException error) {
        report(release, "failed", error.getClass().getSimpleName());
        answer(exchange, 500, new JsonObject());
        return;
      }
      report(release, "executed", null);
      var paid = new JsonObject();
      paid.addProperty("paid", true);
      answer(exchange, 200, paid);
    } catch (Holdpoint.Refused refused) {
      var status = NOBODY_HAS_JUDGED.contains(refused.code) ? 503 : refused.code.equals("INVALID_INPUT") ? 400 : 403;
      var problem = new JsonObject();
      problem.addProperty("status", status);
      problem.addProperty("code", refused.code);
      problem.addProperty("detail", refused.getMessage());
      problem.addProperty("resource", resource.name);
      answer(exchange, status, problem);
    }
  }

  /** What has happened has happened: a broker that does not hear of it changes nothing of the answer. */
  private static void report(Holdpoint.Release release, String outcome, String errorType) {
    try {
      release.done(outcome, errorType);
    } catch (Holdpoint.Refused refused) {
      System.err.println("holdpoint: the outcome was not taken: " + refused.getMessage());
    }
  }

  private static void answer(HttpExchange exchange, int status, JsonObject value) throws IOException {
    var type = status == 200 ? "application/json" : "application/problem+json";
    exchange.getResponseHeaders().set("Content-Type", type);
    if (status == 503) exchange.getResponseHeaders().set("Retry-After", "5");
    var bytes = value.toString().getBytes(StandardCharsets.UTF_8);
    exchange.sendResponseHeaders(status, bytes.length);
    exchange.getResponseBody().write(bytes);
    exchange.close();
  }

  /** Holds this program to the test vectors; returns how many cases failed. */
  private static int checkVectors(Path file) throws IOException {
    var vectors = JsonParser.parseString(Files.readString(file)).getAsJsonObject();
    var now = vectors.get("now").getAsLong();
    var trust = new Holdpoint.Trust(text(vectors, "pin"), text(vectors, "resource"));
    var documents = vectors.getAsJsonObject("documents");
    trust.adopt(text(documents, "keySet"), text(documents, "registration"), now);
    int failed = 0;
    for (var element : vectors.getAsJsonArray("cases")) {
      var one = element.getAsJsonObject();
      failed += compare(one, found -> {
        var action = one.getAsJsonObject("action");
        var verified = trust.verifyWarrant(
            text(one, "proof"),
            new Holdpoint.Action(text(action, "kind"), text(action, "name"), text(action, "target"), text(one, "argumentsText")),
            one.has("now") ? one.get("now").getAsLong() : now);
        found.addProperty("requestId", verified.requestId());
        found.addProperty("actionDigest", verified.digest());
      });
    }
    for (var element : vectors.getAsJsonArray("consumed")) {
      var one = element.getAsJsonObject();
      failed += compare(one, found ->
          trust.verifyConsumed(text(one, "jws"), text(one, "requestId"), text(one, "nonce"), text(one, "actionDigest"), now));
    }
    JsonArray cases = vectors.getAsJsonArray("cases");
    System.out.println(cases.size() + vectors.getAsJsonArray("consumed").size() + " vectors, " + failed + " failed");
    return failed;
  }

  private static int compare(JsonObject one, java.util.function.Consumer<JsonObject> verify) {
    var found = new JsonObject();
    try {
      found.addProperty("ok", true);
      verify.accept(found);
    } catch (Holdpoint.Refused refused) {
      found = new JsonObject();
      found.addProperty("ok", false);
      found.addProperty("code", refused.code);
    }
    if (found.equals(one.get("result"))) return 0;
    System.out.println(text(one, "name") + ": " + found + ", expected " + one.get("result"));
    return 1;
  }

  private static String text(JsonObject of, String name) {
    return of.has(name) ? of.get(name).getAsString() : null;
  }
}
