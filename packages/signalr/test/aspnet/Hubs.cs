// The hubs: every shape of method that SignalR knows, and the scenario methods of an older Rust client.
using System.Runtime.CompilerServices;
using System.Runtime.Serialization;
using System.Threading.Channels;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.SignalR;

// Both protocols write the same names.
[DataContract]
public record Entity([property: DataMember(Name = "text")] string Text, [property: DataMember(Name = "number")] int Number);

public abstract class CommonHub(Journal journal) : Hub
{
  public override Task OnConnectedAsync() { journal.Add($"connected {GetType().Name}"); return Task.CompletedTask; }

  public override Task OnDisconnectedAsync(Exception? error)
  {
    journal.Add($"disconnected {GetType().Name} {(error is null ? "clean" : error.GetType().Name)}");
    return Task.CompletedTask;
  }

  // Plain calls
  public string Echo(string text) => text;
  public object? EchoAny(object? value) => value;
  public byte[] EchoBytes(byte[] bytes) => bytes;
  public int Add(int a, int b) => a + b;
  public long EchoLong(long value) => value;
  public void Nothing() => journal.Add("Nothing");
  public Task NothingAsync() { journal.Add("NothingAsync"); return Task.CompletedTask; }
  public string? Null() => null;
  public string Me() => Context.ConnectionId;
  public string? User() => Context.User?.Identity?.Name;
  public void Note(string text) => journal.Add($"note {text}");
  public int Count() => journal.Next();

  // Failures
  public void Throws() => throw new InvalidOperationException("secret detail");
  public void ThrowsHub() => throw new HubException("told you");

  // Waiting
  public async Task<string> Slow(int ms)
  {
    await Task.Delay(ms);
    journal.Add("Slow done");
    return "slept";
  }

  public async Task<string> SlowWithToken(int ms, CancellationToken cancel)
  {
    await Task.Delay(ms, cancel);
    return "slept";
  }

  // Streams down
  public async IAsyncEnumerable<int> Range(int from, int count, int delayMs, [EnumeratorCancellation] CancellationToken cancel)
  {
    journal.Add("Range started");
    try
    {
      for (var i = 0; i < count; i++)
      {
        if (delayMs > 0) await Task.Delay(delayMs, cancel);
        yield return from + i;
      }
    }
    finally
    {
      journal.Add(cancel.IsCancellationRequested ? "Range cancelled" : "Range done");
    }
  }

  public async IAsyncEnumerable<int> RangeThenThrow(int count)
  {
    for (var i = 0; i < count; i++) { await Task.Yield(); yield return i; }
    throw new HubException("stream failed");
  }

  // Streams up
  public async Task<int> Sum(ChannelReader<int> numbers)
  {
    var sum = 0;
    await foreach (var n in numbers.ReadAllAsync()) sum += n;
    return sum;
  }

  public async Task<string> SumFailing(ChannelReader<int> numbers)
  {
    try { await foreach (var _ in numbers.ReadAllAsync()) { } return "completed"; }
    catch (Exception error) { return error.Message; }
  }

  public async Task<int> SumTwo(IAsyncEnumerable<int> left, IAsyncEnumerable<int> right, int factor)
  {
    var sum = 0;
    await foreach (var n in left) sum += n;
    await foreach (var n in right) sum += n * factor;
    return sum;
  }

  public async Task<int> First(ChannelReader<int> numbers) => await numbers.ReadAsync();

  public async Task NoteAll(IAsyncEnumerable<string> lines)
  {
    await foreach (var line in lines) journal.Add($"line {line}");
    journal.Add("lines done");
  }

  public async IAsyncEnumerable<int> Doubled(IAsyncEnumerable<int> numbers)
  {
    await foreach (var n in numbers) yield return n * 2;
  }

  // The server calls its clients
  public Task Call(string target, string text) => Clients.Caller.SendAsync(target, text);
  public Task CallMany(string target, int count) =>
    Task.WhenAll(Enumerable.Range(0, count).Select(i => Clients.Caller.SendAsync(target, i)));
  public async Task<string> Ask(string target, string text)
  {
    try { return await Clients.Caller.InvokeAsync<string>(target, text, Context.ConnectionAborted); }
    catch (Exception error) when (error is not OperationCanceledException) { return $"error: {error.Message}"; }
  }
  public async Task<string> AskBriefly(string target, int ms)
  {
    using var limit = new CancellationTokenSource(ms);
    try { return await Clients.Caller.InvokeAsync<string>(target, limit.Token); }
    catch (Exception error) { return $"error: {error.GetType().Name}"; }
  }

  // Groups
  public Task Join(string group) => Groups.AddToGroupAsync(Context.ConnectionId, group);
  public Task Leave(string group) => Groups.RemoveFromGroupAsync(Context.ConnectionId, group);
  public Task ToGroup(string group, string text) => Clients.Group(group).SendAsync("group", group, text);

  public void Abort() => Context.Abort();

  // The Rust client's scenarios
  public Entity SingleEntity() => new("test", 1);
  public async IAsyncEnumerable<Entity> HundredEntities()
  {
    for (var i = 0; i < 100; i++) { await Task.Yield(); yield return new Entity($"entity{i}", i); }
  }
  public async IAsyncEnumerable<Entity> MillionEntities()
  {
    for (var i = 0; i < 100_000; i++) { if (i % 1000 == 0) await Task.Yield(); yield return new Entity($"entity{i}", i); }
  }
  public bool PushEntity(Entity entity) => entity.Text == "push1" && entity.Number == 100;
  public Entity PushTwoEntities(Entity first, Entity second) => new(first.Text + second.Text, first.Number + second.Number);
  public Task TriggerCallback() => Clients.Caller.SendAsync("callback1");
  public Task TriggerEntityCallback() => Clients.Caller.SendAsync("callback2", new Entity("callback", 200));
  public async Task<bool> TriggerEntityResponse()
  {
    var entity = await Clients.Caller.InvokeAsync<Entity>("callback3", new Entity("response", 300), Context.ConnectionAborted);
    return entity.Number == 301;
  }
}

public class PlainHub(Journal journal) : CommonHub(journal);
public class StatefulHub(Journal journal) : CommonHub(journal);
public class QuickHub(Journal journal) : CommonHub(journal);
public class DetailedHub(Journal journal) : CommonHub(journal);

[Authorize(AuthenticationSchemes = "Token", Roles = "bearer")]
public class BearerHub(Journal journal) : CommonHub(journal);

[Authorize(AuthenticationSchemes = "Token", Roles = "basic")]
public class BasicHub(Journal journal) : CommonHub(journal);
