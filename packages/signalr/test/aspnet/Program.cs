// The real server that the client is tested against: one ASP.NET Core process on a free loopback port, which it
// prints as "listening <port>". Hubs: /hub (plain), /stateful (stateful reconnect), /quick (short timeouts),
// /detailed (error details), /bearer and /basic (auth), /redirect and /loop (negotiation only), /ws, /sse, /lp (one
// transport each). POST /control/stop shuts down gracefully; GET /control/log is what the
// server saw; POST /control/drop cuts every socket without a word.
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Http.Connections;
using Microsoft.AspNetCore.SignalR;

var builder = WebApplication.CreateBuilder(args);
builder.Logging.ClearProviders();
if (Environment.GetEnvironmentVariable("HUB_LOG") == "1") builder.Logging.AddConsole().SetMinimumLevel(LogLevel.Debug);
builder.WebHost.UseUrls("http://127.0.0.1:0");
builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.FromSeconds(3));

builder.Services.AddSingleton<Journal>();
builder.Services.AddSingleton<DropList>();
var signalr = builder.Services
  .AddSignalR(options =>
  {
    options.MaximumParallelInvocationsPerClient = 8;
    options.StreamBufferCapacity = 10;
  })
  .AddHubOptions<DetailedHub>(options => options.EnableDetailedErrors = true)
  .AddHubOptions<QuickHub>(options =>
  {
    options.ClientTimeoutInterval = TimeSpan.FromMilliseconds(700);
    options.KeepAliveInterval = TimeSpan.FromMilliseconds(300);
    options.HandshakeTimeout = TimeSpan.FromMilliseconds(500);
  });
#if MESSAGEPACK
signalr.AddMessagePackProtocol();
#endif
builder.Services.AddAuthentication("Token").AddScheme<AuthenticationSchemeOptions, TokenHandler>("Token", null);
builder.Services.AddAuthorization();

var app = builder.Build();
app.UseAuthentication();
app.UseAuthorization();
app.Use(async (context, next) =>
{
  var path = context.Request.Path.Value ?? "";
  if (!path.StartsWith("/control"))
  {
    var auth = context.Request.Headers.Authorization.Count > 0 ? "header" : context.Request.Query.ContainsKey("access_token") ? "query" : "none";
    context.RequestServices.GetRequiredService<Journal>().Add($"{context.Request.Method} {path} auth={auth}");
    using var _ = context.RequestServices.GetRequiredService<DropList>().Watch(context);
    await next();
    return;
  }
  await next();
});

app.MapHub<PlainHub>("/hub");
app.MapHub<StatefulHub>("/stateful", options => options.AllowStatefulReconnects = true);
app.MapHub<QuickHub>("/quick");
app.MapHub<DetailedHub>("/detailed");
app.MapHub<PlainHub>("/ws", options => options.Transports = HttpTransportType.WebSockets);
app.MapHub<PlainHub>("/sse", options => options.Transports = HttpTransportType.ServerSentEvents);
app.MapHub<PlainHub>("/lp", options =>
{
  options.Transports = HttpTransportType.LongPolling;
  options.LongPolling.PollTimeout = TimeSpan.FromSeconds(2);
});
app.MapHub<BearerHub>("/bearer", options => options.CloseOnAuthenticationExpiration = true);
app.MapHub<BasicHub>("/basic");

// A front door that sends its callers on, with a token for the next place.
app.MapPost("/redirect/negotiate", (HttpRequest request) =>
  Results.Json(new { url = $"http://{request.Host}/bearer", accessToken = Tokens.Issue("redirected", 60_000) }));
app.MapPost("/loop/negotiate", (HttpRequest request) => Results.Json(new { url = $"http://{request.Host}/loop" }));
app.MapPost("/refused/negotiate", () => Results.Json(new { error = "This hub is full." }));

app.MapGet("/control/token", (string user, int ms) => Tokens.Issue(user, ms));
app.MapGet("/control/log", (Journal journal) => journal.All());
app.MapDelete("/control/log", (Journal journal) => journal.Clear());
app.MapPost("/control/stop", (IHostApplicationLifetime lifetime) => { lifetime.StopApplication(); return "stopping"; });
app.MapPost("/control/drop", (DropList drops) => drops.DropAll());
app.MapPost("/control/push", async (string target, string text, IHubContext<PlainHub> hub) => await hub.Clients.All.SendAsync(target, text));
app.MapPost("/control/group", async (string group, string text, IHubContext<PlainHub> hub) =>
  await hub.Clients.Group(group).SendAsync("group", group, text));

app.Lifetime.ApplicationStarted.Register(() =>
{
  var address = app.Urls.First(url => url.Contains("127.0.0.1") || url.Contains("localhost"));
  Console.WriteLine($"listening {new Uri(address).Port}");
});
// The process must not outlive the test run that started it: its standard input closes when that ends.
if (Environment.GetEnvironmentVariable("HUB_STDIN") == "1")
{
  _ = Task.Run(() => { while (Console.In.ReadLine() != null) { } Environment.Exit(0); });
}
app.Run();
