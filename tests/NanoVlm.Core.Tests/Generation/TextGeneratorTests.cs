using NanoVlm.Data;
using NanoVlm.Generation;
using NanoVlm.Models;
using NanoVlm.Tests.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Tests.Generation;

[Collection(KernelChoice.Name), ChecksLeaks]
public sealed class TextGeneratorTests : IDisposable
{
    private readonly Talker talker = new();

    public static TheoryData<Sampling> Ways => [
        Sampling.Greedy, new Sampling { Temperature = 0, RepetitionPenalty = 1.3 }, new Sampling { Temperature = 0.8, TopK = 40 },
        new Sampling { Temperature = 1.5, TopP = 0.9, MinP = 0.01, RepetitionPenalty = 1.1 }];

    [Theory, MemberData(nameof(Ways))]
    public void Prompts_of_any_lengths_are_answered_in_a_batch_as_each_is_alone(Sampling sampling)
    {
        foreach (var fused in new[] { true, false })
        {
            using var kernel = Kernel.Fused(fused);
            var prompts = talker.Prompts(7);
            var options = new GenerationOptions { MaxNewTokens = 9, Sampling = sampling, LogProbabilities = true };
            var seeds = Enumerable.Range(40, prompts.Length).ToArray();
            var together = talker.Generator.Generate(prompts, options, seeds);
            for (var i = 0; i < prompts.Length; i++)
            {
                var alone = talker.Generator.Generate([prompts[i]], options, [seeds[i]])[0];
                Assert.Equal(alone.Ids, together[i].Ids);
                Assert.Equal(alone.Text, together[i].Text);
                Assert.Equal(alone.Reason, together[i].Reason);
                foreach (var (one, other) in alone.LogProbabilities!.Zip(together[i].LogProbabilities!)) Assert.Equal(one, other, 1e-4);
            }
        }
    }

    [Fact]
    public void Greedy_answers_are_what_the_whole_text_read_anew_at_every_token_gives()
    {
        foreach (var prompt in talker.Prompts(5))
        {
            using var scope = NewDisposeScope();
            using var mode = no_grad();
            var made = talker.Generator.Generate([prompt], new GenerationOptions { MaxNewTokens = 8 })[0];
            var ids = prompt.InputIds.Select(id => (long)id).ToList();
            var side = talker.Builder.TileSize;
            var pixels = prompt.Tiles == 0 ? null : tensor(prompt.Pixels, [prompt.Tiles, 3, side, side]);
            foreach (var id in made.Ids)
            {
                var hidden = talker.Model.forward(tensor(ids.ToArray(), [1, ids.Count]), pixels);
                Assert.Equal(id, talker.Model.Decoder.Logits(hidden.select(1, ids.Count - 1)).argmax(-1).ToInt64());
                ids.Add(id);
            }
        }
    }

    [Fact]
    public void A_row_that_ends_leaves_and_the_others_go_on()
    {
        var prompts = talker.Prompts(6);
        var free = talker.Generator.Generate(prompts, new GenerationOptions { MaxNewTokens = 12 });
        // A text that some answers hold, and not all of them at once.
        var stop = free.Select(answer => answer.Text).First(text => text.Length > 3)[2..3];
        var stopped = talker.Generator.Generate(prompts, new GenerationOptions { MaxNewTokens = 12, StopStrings = [stop] });
        for (var i = 0; i < prompts.Length; i++)
        {
            var at = free[i].Text.IndexOf(stop, StringComparison.Ordinal);
            Assert.Equal(at < 0 ? free[i].Text : free[i].Text[..at], stopped[i].Text);
            Assert.Equal(at < 0 ? free[i].Reason : StopReason.StopString, stopped[i].Reason);
        }
        Assert.Contains(stopped, answer => answer.Reason == StopReason.StopString);
    }

    [Fact]
    public void Log_probabilities_are_those_of_the_whole_vocabulary()
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var prompt = talker.Prompts(1)[0];
        var made = talker.Generator.Generate([prompt], new GenerationOptions { MaxNewTokens = 3, LogProbabilities = true, Sampling = new Sampling { Temperature = 2, TopK = 3 } }, [1])[0];
        long[] ids = [.. prompt.InputIds.Select(id => (long)id), .. made.Ids.Select(id => (long)id)];
        var logits = talker.Model.Decoder.Logits(talker.Model.forward(tensor(ids, [1, ids.Length]), null)).log_softmax(-1);
        for (var i = 0; i < made.Ids.Count; i++)
            Assert.Equal(logits[0, prompt.InputIds.Length - 1 + i, made.Ids[i]].ToSingle(), made.LogProbabilities![i], 1e-4);
    }

    [Fact]
    public void Images_that_prompts_share_are_encoded_once()
    {
        var images = new[] { Talker.Picture(1) };
        var first = talker.Builder.Prompt("one?", images);
        var second = talker.Builder.Prompt("two two two?", images) with { Pixels = first.Pixels };
        var apart = talker.Generator.Generate([first, talker.Builder.Prompt("two two two?", images)], new GenerationOptions { MaxNewTokens = 6 });
        Assert.Equal(apart.Select(answer => answer.Text), talker.Generator.Generate([first, second], new GenerationOptions { MaxNewTokens = 6 }).Select(answer => answer.Text));
    }

    [Fact]
    public void Prompts_that_the_cache_has_no_room_for_wait_for_their_turn()
    {
        var prompts = talker.Prompts(5);
        var options = new GenerationOptions { MaxNewTokens = 6, Sampling = new Sampling { Temperature = 1.3 } };
        var expected = talker.Generator.Generate(prompts, options).Select(answer => answer.Text).ToArray();
        foreach (var bytes in new[] { 1L, 1L << 17 })
            Assert.Equal(expected, new TextGenerator(talker.Model, talker.Tokenizer) { CacheBytes = bytes }.Generate(prompts, options).Select(answer => answer.Text));
    }

    [Fact]
    public async Task A_stream_is_the_answer_in_pieces()
    {
        var prompt = talker.Prompts(3)[2];
        var options = new GenerationOptions { MaxNewTokens = 12, Sampling = new Sampling { Temperature = 1.2 } };
        var pieces = new List<string>();
        await foreach (var piece in talker.Generator.StreamAsync(prompt, options, seed: 5)) pieces.Add(piece);
        Assert.True(pieces.Count > 1);
        Assert.Equal(talker.Generator.Generate([prompt], options, [5])[0].Text, string.Concat(pieces));
    }

    [Fact]
    public async Task Whoever_stops_reading_or_cancels_leaves_nothing_alive()
    {
        var prompt = talker.Prompts(2)[1];
        var options = new GenerationOptions { MaxNewTokens = 100_000 };
        var before = LeakCheck.LiveTensors();
        await foreach (var piece in talker.Generator.StreamAsync(prompt, options)) break;
        LeakCheck.AssertNoneSince(before, "Who stops reading");
        using var cancelled = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (var piece in talker.Generator.StreamAsync(prompt, options, cancellation: cancelled.Token)) await cancelled.CancelAsync();
        });
        LeakCheck.AssertNoneSince(before, "Who cancels");
        Assert.ThrowsAny<OperationCanceledException>(() => talker.Generator.Generate(talker.Prompts(4), options, cancellation: new CancellationToken(true)));
        LeakCheck.AssertNoneSince(before, "Who never begins");
    }

    [Fact]
    public void Training_goes_on_as_it_was()
    {
        talker.Model.train();
        talker.Generator.Generate(talker.Prompts(1), new GenerationOptions { MaxNewTokens = 1 });
        Assert.True(talker.Model.training);
    }

    [Fact]
    public void One_beam_is_greedy()
    {
        foreach (var prompt in talker.Prompts(4))
        {
            var greedy = talker.Generator.Generate([prompt], new GenerationOptions { MaxNewTokens = 7 })[0];
            Assert.Equal(greedy.Ids, talker.Generator.BeamSearch(prompt, 1, new GenerationOptions { MaxNewTokens = 7 })[0].Completion.Ids);
        }
    }

    [Fact]
    public void More_beams_find_an_answer_as_likely_or_likelier_and_rank_by_score()
    {
        foreach (var prompt in talker.Prompts(4))
        {
            var one = talker.Generator.BeamSearch(prompt, 1, new GenerationOptions { MaxNewTokens = 5 }, lengthPenalty: 0)[0];
            var many = talker.Generator.BeamSearch(prompt, 8, new GenerationOptions { MaxNewTokens = 5 }, lengthPenalty: 0);
            Assert.True(many[0].LogProbability >= one.LogProbability - 1e-5);
            Assert.Equal(many.OrderByDescending(beam => beam.Score), many);
            Assert.Equal(many.Count, many.Select(beam => string.Join(',', beam.Completion.Ids) + beam.Completion.Reason).Distinct().Count());
            foreach (var beam in many) Assert.Equal(beam.LogProbability, Likelihood(prompt, beam.Completion), 1e-3);
        }
    }

    [Fact]
    public void With_room_for_every_beginning_the_search_finds_the_likeliest_pair_of_tokens()
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var prompt = talker.Prompts(1)[0];
        var vocabulary = (int)talker.Model.Decoder.HeadWeight.shape[0];
        var beams = talker.Generator.BeamSearch(prompt, vocabulary, new GenerationOptions { MaxNewTokens = 2 }, lengthPenalty: 0);
        // All beginnings at once, as one batch.
        var width = prompt.InputIds.Length + 1;
        var ids = new long[vocabulary * width];
        for (var first = 0; first < vocabulary; first++)
        {
            for (var i = 0; i < width - 1; i++) ids[first * width + i] = prompt.InputIds[i];
            ids[first * width + width - 1] = first;
        }
        var embeddings = talker.Model.Decoder.Embed(tensor(ids, [vocabulary, width]));
        var chances = talker.Model.Decoder.Logits(talker.Model.Decoder.forward(embeddings).narrow(1, width - 2, 2)).log_softmax(-1); // [V, 2, V]
        var start = chances.select(0, 0).select(0, 0); // the same in every row
        var best = double.NegativeInfinity;
        for (var first = 0; first < vocabulary; first++)
        {
            var end = first == talker.Tokenizer.EosTokenId;
            best = Math.Max(best, start[first].ToDouble() + (end ? 0 : chances.select(0, first).select(0, 1).max().ToDouble()));
        }
        Assert.Equal(best, beams[0].LogProbability, 1e-4);
    }

    [Fact]
    public void Answers_that_are_given_are_as_likely_as_the_model_says_reading_them()
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        foreach (var prompt in talker.Prompts(3))
        {
            var answers = new[] { "yes", "no it is not so at all", "A", "word3 word4" };
            var scored = talker.Generator.Score(prompt, answers);
            for (var i = 0; i < answers.Length; i++)
            {
                var ids = talker.Tokenizer.Encode(answers[i], addSpecialTokens: false).Ids.ToArray();
                Assert.Equal(ids.Length, scored[i].Tokens);
                Assert.Equal(Read(prompt, ids).Sum(), scored[i].LogProbability, 1e-3);
            }
            var greedy = talker.Generator.Generate([prompt], new GenerationOptions { MaxNewTokens = 3 })[0].Text;
            if (talker.Tokenizer.Encode(greedy, addSpecialTokens: false).Ids.Length > 0)
                Assert.Equal(talker.Generator.Score(prompt, [greedy])[0].IsGreedy, Enumerable.SequenceEqual(
                    talker.Tokenizer.Encode(greedy, addSpecialTokens: false).Ids, talker.Generator.Generate([prompt], new GenerationOptions { MaxNewTokens = 3 })[0].Ids));
        }
        Assert.Contains("answer 1", Assert.Throws<NanoVlmException>(() => talker.Generator.Score(talker.Prompts(1)[0], ["a", ""])).Message);
    }

    [Fact]
    public void Beyond_the_positions_trained_on_an_answer_is_as_likely_beside_others_and_as_decoded()
    {
        using var longer = new VisionLanguageModel(talker.Model.Config with { LmMaxPositionEmbeddings = 20 }, talker.Model.ImageTokenId);
        longer.load_state_dict(talker.Model.state_dict());
        longer.eval();
        var generator = new TextGenerator(longer, talker.Tokenizer);
        var told = 0;
        foreach (var prompt in talker.Prompts(4))
        {
            string[] answers = ["yes", "A b c", "no it is not so at all and more"];
            var together = generator.Score(prompt, answers);
            for (var i = 0; i < answers.Length; i++) Assert.Equal(generator.Score(prompt, [answers[i]])[0].LogProbability, together[i].LogProbability, 1e-4);
            var made = generator.Generate([prompt], new GenerationOptions { MaxNewTokens = 12, LogProbabilities = true })[0];
            if (!talker.Tokenizer.Encode(made.Text, addSpecialTokens: false).Ids.SequenceEqual(made.Ids)) continue; // its bytes are no text
            var scored = generator.Score(prompt, [made.Text])[0];
            Assert.Equal(made.LogProbabilities!.Sum(), scored.LogProbability, 1e-3);
            Assert.True(scored.IsGreedy);
            told++;
        }
        Assert.True(told > 0);
    }

    [Fact]
    public void What_cannot_be_answered_is_named()
    {
        var prompt = talker.Prompts(1)[0];
        var empty = prompt with { InputIds = [], Labels = [] };
        Assert.Contains("prompt 1 has no tokens", Assert.Throws<NanoVlmException>(() => talker.Generator.Generate([prompt, empty], new GenerationOptions())).Message);
        Assert.Contains("must not be empty", Assert.Throws<ArgumentException>(() => talker.Generator.Generate([prompt], new GenerationOptions { StopStrings = ["x", ""] })).Message);
        Assert.Contains("GiB", Assert.Throws<NanoVlmException>(() => talker.Generator.Generate([prompt], new GenerationOptions { MaxNewTokens = 2_000_000_000 })).Message);
    }

    [Fact]
    public void A_prompt_is_read_no_further_when_it_is_cancelled()
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var embeddings = talker.Model.Decoder.Embed(tensor(new long[] { 5, 6, 7 }, [1, 3]));
        var before = LeakCheck.LiveTensors();
        Assert.ThrowsAny<OperationCanceledException>(() => new Continuation(talker.Model.Decoder, embeddings, [3], 4, cancellation: new CancellationToken(true)));
        LeakCheck.AssertNoneSince(before, "Who never begins");
    }

    public void Dispose() => talker.Dispose();

    private double Likelihood(Sample prompt, Completion answer)
    {
        int[] ids = answer.Reason == StopReason.EndOfText ? [.. answer.Ids, talker.Tokenizer.EosTokenId!.Value] : [.. answer.Ids];
        return Read(prompt, ids).Sum();
    }

    // The log-probability of each token after the prompt, from one pass over all.
    private double[] Read(Sample prompt, int[] answer)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        long[] ids = [.. prompt.InputIds.Select(id => (long)id), .. answer.Select(id => (long)id)];
        var side = talker.Builder.TileSize;
        var pixels = prompt.Tiles == 0 ? null : tensor(prompt.Pixels, [prompt.Tiles, 3, side, side]);
        var chances = talker.Model.Decoder.Logits(talker.Model.forward(tensor(ids, [1, ids.Length]), pixels)).log_softmax(-1);
        return [.. answer.Select((id, i) => chances[0, prompt.InputIds.Length - 1 + i, id].ToDouble())];
    }
}
