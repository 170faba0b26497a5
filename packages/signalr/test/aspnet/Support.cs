// What the hubs lean on: a journal of what the server saw, a way to cut sockets, and two ways to authenticate.
using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Claims;
using System.Text;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Options;

public class Journal
{
  private readonly ConcurrentQueue<string> entries = new();
  private int counter;
  public void Add(string entry) => entries.Enqueue(entry);
  public string[] All() => entries.ToArray();
  public void Clear() => entries.Clear();
  public int Next() => Interlocked.Increment(ref counter);
}

// Cuts sockets as a broken network would: the TCP connection ends, nobody says goodbye.
public class DropList
{
  private readonly ConcurrentDictionary<HttpContext, bool> open = new();

  public IDisposable Watch(HttpContext context) { open[context] = true; return new Entry(() => open.TryRemove(context, out _)); }
  public int DropAll()
  {
    var victims = open.Keys.ToArray();
    foreach (var context in victims) context.Abort();
    return victims.Length;
  }

  private sealed class Entry(Action leave) : IDisposable { public void Dispose() => leave(); }
}

// A token is "user.expiry" in Unix milliseconds: enough to expire, and to be refused.
public static class Tokens
{
  public static string Issue(string user, int ms) => $"{user}.{DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() + ms}";

  public static (string User, DateTimeOffset Expiry)? Read(string token)
  {
    var dot = token.LastIndexOf('.');
    if (dot < 1 || !long.TryParse(token[(dot + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var ms)) return null;
    var expiry = DateTimeOffset.FromUnixTimeMilliseconds(ms);
    return expiry > DateTimeOffset.UtcNow ? (token[..dot], expiry) : null;
  }
}

public class TokenHandler(IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logger, UrlEncoder encoder)
  : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
{
  protected override Task<AuthenticateResult> HandleAuthenticateAsync()
  {
    var header = Request.Headers.Authorization.ToString();
    if (header.StartsWith("Basic ")) return Task.FromResult(Basic(header[6..]));
    var token = header.StartsWith("Bearer ") ? header[7..] : Request.Query["access_token"].ToString();
    return Task.FromResult(token == "" ? AuthenticateResult.NoResult() : Bearer(token));
  }

  private AuthenticateResult Bearer(string token) => Tokens.Read(token) is { } known
    ? Ticket(known.User, "bearer", known.Expiry)
    : AuthenticateResult.Fail("unknown or expired token");

  private AuthenticateResult Basic(string value)
  {
    string pair;
    try { pair = Encoding.UTF8.GetString(Convert.FromBase64String(value)); }
    catch (FormatException) { return AuthenticateResult.Fail("not base64"); }
    return pair == "user:pässword" ? Ticket("user", "basic", null) : AuthenticateResult.Fail("wrong password");
  }

  private AuthenticateResult Ticket(string user, string role, DateTimeOffset? expiry)
  {
    var identity = new ClaimsIdentity([new Claim(ClaimTypes.Name, user), new Claim(ClaimTypes.Role, role)], Scheme.Name);
    var properties = new AuthenticationProperties { ExpiresUtc = expiry };
    return AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(identity), properties, Scheme.Name));
  }
}
