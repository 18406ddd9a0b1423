// SPDX-License-Identifier: Apache-2.0

import java.io.ByteArrayInputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Client URL PHOTO: asks a server as Java's HttpClient does, and prints a line an answer. */
public class Client {
  private static final Pattern WORD = Pattern.compile("\"(?:reason|label)\":\"([^\"]*)\"");
  // As it comes: it offers to upgrade to HTTP/2 with its first request.
  private static final HttpClient client = HttpClient.newHttpClient();

  public static void main(String[] arguments) throws Exception {
    String url = arguments[0];
    byte[] picture = Files.readAllBytes(Path.of(arguments[1]));
    ask("photo", url + "/classify", "POST", BodyPublishers.ofByteArray(picture), false);
    ask("again", url + "/classify", "POST", BodyPublishers.ofByteArray(picture), false);
    ask("chunked", url + "/classify", "POST",
        BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(picture)), false);
    ask("expect", url + "/classify", "POST", BodyPublishers.ofByteArray(picture), true);
    ask("unknown", url + "/classify?model=nobody", "POST", BodyPublishers.ofByteArray(picture),
        false);
    ask("text", url + "/classify", "POST", BodyPublishers.ofString("hello"), false);
    // Without Expect: Java 17's client waits for ever where 100 is not what comes (JDK-8286171).
    ask("large", url + "/classify", "POST", BodyPublishers.ofByteArray(new byte[24 << 20]), false);
    ask("head", url + "/healthz", "HEAD", BodyPublishers.noBody(), false);
    ask("after", url + "/classify", "POST", BodyPublishers.ofByteArray(picture), false);
  }

  private static void ask(String name, String url, String method, BodyPublisher body,
      boolean expect) {
    try {
      HttpRequest request = HttpRequest.newBuilder(URI.create(url)).method(method, body)
          .expectContinue(expect).build();
      HttpResponse<String> response = client.send(request, HttpResponse.BodyHandlers.ofString());
      Matcher matcher = WORD.matcher(response.body());
      System.out.printf("%s|%d|%s%n", name, response.statusCode(),
          matcher.find() ? matcher.group(1) : "");
    } catch (Exception error) {
      System.out.printf("%s|failed|%s%n", name, error);
    }
  }
}
