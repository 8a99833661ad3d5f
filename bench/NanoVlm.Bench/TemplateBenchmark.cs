using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using NanoVlm.Text;

namespace NanoVlm.Bench;

/// <summary>Conversations rendered per second on one thread, spans included, beside jinja2 (without spans) where Python has it.</summary>
internal static class TemplateBenchmark
{
    private static readonly (string Name, string Source)[] _templates =
    [
        ("ChatML", ChatTemplate.NanoVlm),
        ("Llama 3", "{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' + message['content'] | trim + '<|eot_id|>' %}"
            + "{% if loop.index0 == 0 %}{% set content = '<|begin_of_text|>' + content %}{% endif %}{{ content }}{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"),
        ("parts", """
            <s>
            {%- for message in messages %}
                {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}
                    {{- raise_exception('roles must alternate') }}
                {%- endif %}
                {{- '<start>' + ('model' if message['role'] == 'assistant' else message['role']) + '\n' }}
                {%- if message['content'] is string %}
                    {{- message['content'] | trim }}
                {%- else %}
                    {%- for item in message['content'] %}
                        {{- '<image>' if item['type'] == 'image' else item['text'] | trim }}
                    {%- endfor %}
                {%- endif %}
                {{- '<end>\n' }}
            {%- endfor %}
            {%- if add_generation_prompt %}
                {{- '<start>model\n' }}
            {%- endif %}
            """),
    ];

    // The environment that transformers makes (utils/chat_template_utils.py).
    private const string Peer = """
        import json, sys, time
        from jinja2.sandbox import ImmutableSandboxedEnvironment
        job = json.load(sys.stdin)
        env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"])
        env.globals["raise_exception"] = lambda message: 1 / 0
        template, best = env.from_string(job["template"]), 0
        for _ in range(30):
            start, count = time.perf_counter(), 0
            while time.perf_counter() - start < 0.03:
                text = template.render(messages=job["messages"], add_generation_prompt=False)
                count += 1
            best = max(best, count / (time.perf_counter() - start))
        print(json.dumps({"rate": best, "text": text}))
        """;

    internal static void Run()
    {
        const string question = "What is to the left of the large red square, and how many blue circles are there?";
        Console.WriteLine("template   messages   renders/s here   jinja2's   characters");
        foreach (var (name, source) in _templates)
        {
            foreach (int count in new[] { 2, 20 })
            {
                ChatMessage[] messages = [.. Enumerable.Range(0, count).Select(i => i % 2 == 0 ? new ChatMessage("user", question) : new ChatMessage("assistant", "A green triangle; three circles."))];
                var template = ChatTemplate.Parse(source);
                string text = template.Render(messages).Text;
                double best = 0;
                for (int round = 0; round < 30; round++)
                {
                    var clock = Stopwatch.StartNew();
                    int rendered = 0;
                    for (; clock.Elapsed.TotalSeconds < 0.03; rendered++)
                        template.Render(messages);
                    best = Math.Max(best, rendered / clock.Elapsed.TotalSeconds);
                }
                string theirs = Jinja2(source, messages) is { } peer
                    ? peer.Text == text ? peer.Rate.ToString("N0", CultureInfo.InvariantCulture) : "(another text)" : "-";
                Console.WriteLine(FormattableString.Invariant($"{name,-10} {count,8} {best,16:N0} {theirs,10} {text.Length,12:N0}"));
            }
        }
    }

    private static (double Rate, string Text)? Jinja2(string template, ChatMessage[] messages)
    {
        try
        {
            using var python = Process.Start(new ProcessStartInfo("python3") { ArgumentList = { "-c", Peer }, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true })!;
            python.StandardInput.Write(JsonSerializer.Serialize(new { template, messages = messages.Select(m => new { role = m.Role, content = m.Content }) }));
            python.StandardInput.Close();
            string answer = python.StandardOutput.ReadToEnd();
            python.WaitForExit();
            return python.ExitCode == 0 && JsonElement.Parse(answer) is var json ? (json.GetProperty("rate").GetDouble(), json.GetProperty("text").GetString()!) : null;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null; // no Python here
        }
    }
}
