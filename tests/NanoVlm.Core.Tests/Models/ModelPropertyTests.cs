using NanoVlm.Language;
using NanoVlm.Models;
using NanoVlm.Projection;
using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Tests.Models;

/// <summary>What must hold whatever the weights are.</summary>
[Collection(KernelChoice.Name)]
public sealed class ModelPropertyTests
{
    [Theory, InlineData(false), InlineData(true)]
    public void Padding_on_the_right_changes_no_logit_and_needs_no_mask(bool fused)
    {
        using var scope = NewDisposeScope();
        using var kernel = Kernel.Fused(fused);
        using var mode = no_grad();
        using var model = TinyModel.Make();
        long[][] texts = [TinyModel.Text(1, 5, image: true), TinyModel.Text(2, 17, image: false), TinyModel.Text(3, 9, image: true)];
        var pixels = TinyModel.Pixels(1, 2);
        var (ids, mask) = TinyModel.Padded(texts, left: false);
        var (masked, bare) = (Logits(model, ids, pixels, mask), Logits(model, ids, pixels, null));
        for (var row = 0; row < texts.Length; row++)
        {
            var alone = Alone(model, texts[row], pixels, row);
            Near.Equal(alone, masked.select(0, row).narrow(0, 0, texts[row].Length), 1e-5, $"row {row} with a mask");
            Near.Equal(alone, bare.select(0, row).narrow(0, 0, texts[row].Length), 1e-5, $"row {row} without");
        }
    }

    // Positions shift with the padding, and rotary attention sees only their differences.
    [Theory, InlineData(false), InlineData(true)]
    public void Padding_on_the_left_changes_no_logit(bool fused)
    {
        using var scope = NewDisposeScope();
        using var kernel = Kernel.Fused(fused);
        using var mode = no_grad();
        using var model = TinyModel.Make();
        long[][] texts = [TinyModel.Text(1, 5, image: true), TinyModel.Text(2, 17, image: false), TinyModel.Text(3, 9, image: true)];
        var pixels = TinyModel.Pixels(1, 2);
        var (ids, mask) = TinyModel.Padded(texts, left: true);
        var logits = Logits(model, ids, pixels, mask);
        for (var row = 0; row < texts.Length; row++)
            Near.Equal(Alone(model, texts[row], pixels, row), logits.select(0, row).narrow(0, ids.shape[1] - texts[row].Length, texts[row].Length), 1e-4, $"row {row}");
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_prompt_read_in_pieces_through_the_cache_gives_the_same_states(bool fused)
    {
        using var scope = NewDisposeScope();
        using var kernel = Kernel.Fused(fused);
        using var mode = no_grad();
        using var model = TinyModel.Make();
        var (ids, _) = TinyModel.Padded([TinyModel.Text(1, 19, false), TinyModel.Text(2, 19, false)], left: true);
        var embeddings = model.Embed(ids, null);
        var whole = model.Decoder.forward(embeddings);
        foreach (var pieces in new long[][] { [19], [1, 18], [7, 7, 5], [18, 1], [.. Enumerable.Repeat(1L, 19)] })
        {
            using var cache = new KvCache(model.Decoder.Config, 2, 19);
            var parts = new List<Tensor>();
            foreach (var piece in pieces)
                parts.Add(model.Decoder.forward(embeddings.narrow(1, cache.Lengths[0], piece), cache: cache));
            Near.Equal(whole, cat(parts, 1), 1e-5, $"pieces of {string.Join(", ", pieces)}");
        }
    }

    [Fact]
    public void A_cache_that_is_full_says_so()
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        using var model = TinyModel.Make();
        using var cache = new KvCache(model.Decoder.Config, 1, 3);
        var error = Assert.Throws<InvalidOperationException>(() => model.Decoder.forward(model.Embed(tensor(new long[] { 1, 2, 3, 4 }, [1, 4]), null), cache: cache));
        Assert.Contains("holds 3 tokens a row; row 0 would have 4", error.Message);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void The_order_of_a_batch_does_not_matter(bool fused)
    {
        using var scope = NewDisposeScope();
        using var kernel = Kernel.Fused(fused);
        using var mode = no_grad();
        using var model = TinyModel.Make();
        long[][] texts = [TinyModel.Text(1, 8, image: true), TinyModel.Text(2, 12, image: false), TinyModel.Text(3, 8, image: true)];
        var pixels = TinyModel.Pixels(1, 2);
        var (ids, mask) = TinyModel.Padded(texts, left: true);
        var (turned, turnedMask) = TinyModel.Padded([.. texts.Reverse()], left: true);
        Near.Equal(Logits(model, ids, pixels, mask) * mask.unsqueeze(-1), (Logits(model, turned, pixels.flip(0), turnedMask) * turnedMask.unsqueeze(-1)).flip(0), 1e-5);
    }

    [Theory, InlineData(2, 4, 6, 3), InlineData(3, 3, 9, 2), InlineData(1, 5, 3, 4), InlineData(4, 4, 4, 1)]
    public void Pixel_shuffle_lays_a_square_of_patches_side_by_side(int factor, int rows, int columns, int size)
    {
        using var scope = NewDisposeScope();
        (rows, columns) = (rows / factor * factor, columns / factor * factor);
        var x = arange(0, 2 * rows * columns * size).to(ScalarType.Float32).view(2, rows * columns, size);
        var shuffled = PixelShuffle.Apply(x, rows, columns, factor);
        Assert.Equal([2, rows * columns / (factor * factor), size * factor * factor], shuffled.shape);
        var (from, to) = (x.data<float>(), shuffled.contiguous().data<float>());
        for (var image = 0; image < 2; image++)
            for (var row = 0; row < rows; row++)
                for (var column = 0; column < columns; column++)
                    for (var channel = 0; channel < size; channel++)
                    {
                        var token = row / factor * (columns / factor) + column / factor;
                        var feature = (row % factor * factor + column % factor) * size + channel;
                        Assert.Equal(from[(image * rows * columns + row * columns + column) * size + channel],
                            to[image * rows * columns * size + token * size * factor * factor + feature]);
                    }
        Assert.Throws<ArgumentException>(() => PixelShuffle.Apply(x, rows, columns, rows + 1));
    }

    [Fact]
    public void Image_tokens_that_are_not_as_many_as_the_features_are_counted_by_row()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModel.Make();
        var (ids, _) = TinyModel.Padded([TinyModel.Text(1, 4, image: true), TinyModel.Text(2, 4, image: false)], left: false);
        Assert.Contains("give 8 features (2 tiles of 4), but input_ids hold 4 image tokens; by row: [4, 0]",
            Assert.Throws<ArgumentException>(() => model.forward(ids, TinyModel.Pixels(1, 2))).Message);
        Assert.Contains("give 0 features", Assert.Throws<ArgumentException>(() => model.forward(ids, null)).Message);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_hundred_training_steps_leave_no_tensor_behind(bool fused)
    {
        using var kernel = Kernel.Fused(fused);
        using var model = TinyModel.Make();
        using var optimizer = optim.AdamW(model.parameters(), 1e-3);
        var losses = new List<double>();
        var live = 0L;
        for (var step = 0; step < 102; step++)
        {
            using (NewDisposeScope())
            {
                var (ids, mask) = TinyModel.Padded([TinyModel.Text(1, 9, image: true), TinyModel.Text(2, 6, image: true)], left: step % 2 == 0);
                var (sum, count) = VisionLanguageModel.Loss(model.Decoder, model.forward(ids, TinyModel.Pixels(step % 3, 2), mask), where(ids == TinyModel.Image, full_like(ids, -100L), ids.roll(-1, 1)));
                (sum / count).backward();
                nn.utils.clip_grad_norm_(optimizer.parameters(), 1);
                optimizer.step();
                optimizer.zero_grad();
                losses.Add(sum.ToDouble() / count);
            }
            if (step == 1) live = LeakCheck.LiveTensors();
        }
        LeakCheck.AssertNoneSince(live, "A step");
        Assert.True(losses[^1] < losses[0] - 1, $"the loss went from {losses[0]} to {losses[^1]}");
    }

    [Theory, InlineData(false), InlineData(true)]
    public void The_loss_from_labelled_rows_alone_is_the_loss_with_all_its_gradients(bool fused)
    {
        using var scope = NewDisposeScope();
        using var kernel = Kernel.Fused(fused);
        using var model = TinyModel.Make();
        var (ids, mask) = TinyModel.Padded([TinyModel.Text(1, 9, image: true), TinyModel.Text(2, 13, image: false)], left: true);
        var labels = where((ids == TinyModel.Image) | (ids < 12), full_like(ids, -100L), ids.roll(-1, 1));
        var pixels = TinyModel.Pixels(1, 1);
        var (whole, count) = VisionLanguageModel.Loss(model.Decoder, model.forward(ids, pixels, mask), labels);
        whole.backward();
        var gradients = model.named_parameters().ToDictionary(p => p.name, p => p.parameter.grad!.clone());
        model.zero_grad();
        var (sum, same) = model.Loss(ids, pixels, labels, mask);
        sum.backward();
        Assert.Equal(count, same);
        Near.Equal(whole, sum, 1e-5, "loss");
        foreach (var (name, parameter) in model.named_parameters())
            Near.Equal(gradients[name], parameter.grad!, 1e-4, name);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Texts_that_share_a_row_and_its_image_have_the_losses_they_have_alone(bool fused)
    {
        using var scope = NewDisposeScope();
        using var kernel = Kernel.Fused(fused);
        using var mode = no_grad();
        using var model = TinyModel.Make();
        var pixels = TinyModel.Pixels(1, 1);
        var shared = TinyModel.Text(1, 3, image: true);
        long[][] texts = [TinyModel.Text(2, 6, image: false), TinyModel.Text(3, 11, image: false), TinyModel.Text(4, 1, image: false)];
        double alone = 0;
        var (row, labels, positions, documents) = (shared.ToList(), Unlabelled(shared.Length), Enumerable.Range(0, shared.Length).Select(i => (long)i).ToList(), new long[shared.Length].ToList());
        for (var i = 0; i < texts.Length; i++)
        {
            long[] own = [.. texts[i][1..], 5];
            long[] text = [.. shared, .. texts[i]];
            alone += model.Loss(tensor(text, [1, text.Length]), pixels, tensor((long[])[.. Unlabelled(shared.Length), .. own], [1, text.Length])).Sum.ToDouble();
            row.AddRange(texts[i]);
            labels.AddRange(own);
            positions.AddRange(Enumerable.Range(shared.Length, own.Length).Select(p => (long)p));
            documents.AddRange(Enumerable.Repeat(i + 1L, own.Length));
        }
        var layout = new RowLayout(Row(positions), Row(documents), positions.Max());
        Near.Equal(alone, model.Loss(Row(row), pixels, Row(labels), layout: layout).Sum.ToDouble(), 1e-5);

        static List<long> Unlabelled(int count) => [.. Enumerable.Repeat(-100L, count)];
        static Tensor Row(List<long> values) => tensor(values.ToArray(), [1, values.Count]);
    }

    private static Tensor Logits(VisionLanguageModel model, Tensor ids, Tensor? pixels, Tensor? mask) => model.Decoder.Logits(model.forward(ids, pixels, mask));

    // A text without the rest of its batch. The first and the third have an image.
    private static Tensor Alone(VisionLanguageModel model, long[] text, Tensor pixels, int row) =>
        Logits(model, tensor(text, [1, text.Length]), row == 1 ? null : pixels.narrow(0, row / 2, 1), null).squeeze(0);
}
