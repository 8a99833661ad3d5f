using NanoVlm.Text;

namespace NanoVlm.Tests.Text;

public class ChatTemplateTests
{
    [Fact]
    public void SmolLM2_conversations_render_as_in_the_reference()
    {
        var tokenizer = Tokenizer.Load(TextGoldens.Folder("tokenizer-smollm2"));
        var template = ChatTemplate.Parse(tokenizer.ChatTemplate!);
        foreach (var item in TextGoldens.Expected("tokenizer-smollm2").GetProperty("chat").EnumerateArray())
        {
            if (item.TryGetProperty("error", out _))
                continue;
            var messages = item.GetProperty("messages").EnumerateArray()
                .Select(m => new ChatMessage(m.GetProperty("role").GetString()!, m.GetProperty("content").GetString()!)).ToArray();
            bool prompt = item.GetProperty("add_generation_prompt").GetBoolean();
            var rendered = template.Render(messages, prompt);
            Assert.Equal(item.GetProperty("text").GetString(), rendered.Text);
            Assert.Equal(item.GetProperty("ids").Ints(), template.Encode(tokenizer, messages, prompt).Ids);
            Assert.Equal(messages.Select(m => $"{m.Content}<|im_end|>\n"), rendered.Spans.Select(s => rendered.Text[s.Start..s.End]));
            Assert.Equal(messages.Select(m => m.Role), rendered.Spans.Select(s => s.Role));
        }
    }

    [Theory]
    [InlineData("{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}")]
    [InlineData("{% for message in messages %}{{\"<|im_start|>\" + message[\"role\"] + \"\n\" + message[\"content\"] + \"<|im_end|>\" + \"\n\"}}{% endfor %}{% if add_generation_prompt %}{{ \"<|im_start|>assistant\n\" }}{% endif %}")]
    [InlineData(" {%for message in messages%}{{ '<|im_start|>'+message['role']+'\n'+message['content']+'<|im_end|>'+'\n' }}{%endfor%}{%if add_generation_prompt%}{{'<|im_start|>assistant\n'}}{%endif%}\n")]
    public void Spellings_of_ChatML_are_one_template(string source)
    {
        var rendered = ChatTemplate.Parse(source).Render([new("user", "a + b")], addGenerationPrompt: true);
        Assert.Equal("<|im_start|>user\na + b<|im_end|>\n<|im_start|>assistant\n", rendered.Text);
    }

    [Fact]
    public void A_template_that_is_none_is_refused_with_its_line()
    {
        var e = Assert.Throws<NanoVlmException>(() => ChatTemplate.Parse("{% for m in messages %}\n{{ m.content }\n{% endfor %}"));
        Assert.StartsWith("chat template, line 2: unexpected '}'", e.Message);
    }

    [Fact]
    public void The_assistant_mask_covers_content_and_end_of_turn_and_nothing_else()
    {
        var tokenizer = Tokenizer.Load(TextGoldens.Folder("tokenizer-smollm2"));
        ChatMessage[] messages = [new("system", "😀 Be kind."), new("user", "你好 😀?"), new("assistant", "😀 yes, 2 of them"), new("user", "x"), new("assistant", "")];
        var encoded = ChatTemplate.Parse(ChatTemplate.NanoVlm).Encode(tokenizer, messages, addGenerationPrompt: true);
        int[] learned = [.. encoded.Ids.Where((_, i) => encoded.AssistantMask[i])];
        Assert.Equal("😀 yes, 2 of them<|im_end|>\n<|im_end|>\n", tokenizer.Decode(learned));
    }

    [Fact]
    public void A_token_that_begins_in_the_prompt_is_not_the_assistants()
    {
        // The prompt's line feed and the answer's first are one token. No model can be asked to produce half of it.
        var tokenizer = Tokenizer.Load(TextGoldens.Folder("tokenizer-smollm2"));
        var encoded = ChatTemplate.Parse(ChatTemplate.NanoVlm).Encode(tokenizer, [new("assistant", "\n\nno")]);
        Assert.Equal("\nno<|im_end|>\n", tokenizer.Decode([.. encoded.Ids.Where((_, i) => encoded.AssistantMask[i])]));
    }

    [Fact]
    public void Labels_are_the_next_token_where_it_is_the_assistants()
    {
        var chat = new EncodedChat([7, 8, 9, 10], [false, false, true, true]);
        Assert.Equal([-100, 9, 10, -100], chat.NextTokenLabels());
        Assert.Equal([-1, 9, 10, -1], chat.NextTokenLabels(ignore: -1));
        Assert.Empty(new EncodedChat([], []).NextTokenLabels());
    }
}
