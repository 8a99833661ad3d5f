using NanoVlm.Images;

namespace NanoVlm.Evaluation.Towers;

/// <summary>A picture and what is known about it.</summary>
/// <param name="Id">Names it within its set.</param>
/// <param name="Image">The picture.</param>
/// <param name="Label">Its class; null where it has none.</param>
/// <param name="Captions">Texts that go with it.</param>
/// <param name="Split">The part of the set that it is in: <c>train</c>, <c>validation</c> or <c>test</c>; null where there are no parts.</param>
internal sealed record LabelledImage(string Id, StoredImage Image, string? Label, IReadOnlyList<string> Captions, string? Split);
