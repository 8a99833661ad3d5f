"""Records what the published scoring functions say of made-up answers. Needs nothing but Python's standard library and git.

    python3 make.py LMMS_EVAL_REPOSITORY VLMEVALKIT_REPOSITORY PYCOCOEVALCAP_REPOSITORY

The functions are taken from the repositories' sources as they are (see README.md for the commits) and run on answers drawn with a fixed seed."""

import ast
import json
import math
import random
import statistics
import string
import re
import subprocess
import sys
import types
from collections import defaultdict
from pathlib import Path
from typing import List, Optional

LMMS, KIT, COCO = sys.argv[1:4]
OLD = "v0.7.1"
HERE = Path(__file__).parent
draw = random.Random(7)


def numpy():
    """As much of numpy as the scoring functions use."""

    class Vector(list):
        def __iadd__(self, other):
            for i, value in enumerate(other):
                self[i] += value
            return self

    return types.SimpleNamespace(
        array=Vector, log=math.log, sqrt=math.sqrt, e=math.e, mean=lambda values: sum(values) / len(values), min=min, max=max,
        argmax=lambda values: values.index(max(values)))


class Recorder:
    """The generator of guesses: says that it was asked."""

    @staticmethod
    def choice(_):
        return "?"


def functions(repository, revision, path, *names):
    """The named functions, classes and constants of a source file, run without its imports."""
    source = subprocess.run(["git", "--git-dir", repository, "show", f"{revision}:{path}"], capture_output=True, text=True, check=True).stdout
    space = {"re": re, "string": string, "math": math, "np": numpy(), "random": Recorder, "statistics": statistics, "defaultdict": defaultdict, "List": List,
             "Optional": Optional, "os": types.SimpleNamespace(environ={}), "cp": types.SimpleNamespace(copy=lambda value: value), "ast": ast,
             "eval_logger": types.SimpleNamespace(info=lambda *_: None), "logger": types.SimpleNamespace(info=lambda *_: None),
             "istype": lambda text, kind: text.startswith("["), "pdb": None, "copy": None, "sys": sys}
    for node in ast.parse(source).body:
        named = getattr(node, "name", None) or (node.targets[0].id if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) else None)
        if named in names:
            if isinstance(node, ast.FunctionDef):
                node.decorator_list = []
                node.body = [statement for statement in node.body if not (isinstance(statement, ast.ImportFrom) and statement.module.startswith("lmms_eval"))]
            exec(compile(ast.Module([node], []), path, "exec"), space)
    missing = [name for name in names if name not in space]
    assert not missing, (path, missing)
    return types.SimpleNamespace(**{name: space[name] for name in names}, space=space)


def write(name, rows):
    lines = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
    (HERE / f"{name}.json").write_text(f"[\n{lines}\n]\n")
    print(name, len(rows))


def some(choices, low, high, join=""):
    return join.join(draw.choice(choices) for _ in range(draw.randint(low, high)))


SPACES = [" ", "  ", "\n", "\t", "\u00a0", "\x1c", "\u3000", "\u2028", "\x85", "\r\n"]
ODD = ["\u0130", "\u00df", "\ufb03", "\u1fb7", "\u03a3", "\u039f\u03a3", "\U0001d7d9", "\u0663", "\uff11", "\u00b2", "\U0001f600", "\U00010400", "\u212a", "\u017f", "e\u0301", "\u0967", "\u01c5"]


def vqa():
    lmms = functions(LMMS, "HEAD", "lmms_eval/tasks/_task_utils/vqa_eval_metric.py", "EvalAIAnswerProcessor").EvalAIAnswerProcessor()
    text = functions(LMMS, "HEAD", "lmms_eval/tasks/textvqa/utils.py", "textvqa_process_results")
    text.space["EvalAIAnswerProcessor"] = lambda: lmms
    v2 = functions(LMMS, "HEAD", "lmms_eval/tasks/vqav2/utils.py", "vqav2_process_results")
    v2.space["EvalAIAnswerProcessor"] = lambda: lmms
    misc = functions(KIT, "HEAD", "vlmeval/smp/misc.py", "process_punctuation")
    misc.space["re"] = re
    kit = functions(KIT, "HEAD", "vlmeval/dataset/utils/vqa_eval.py", "_process_digit_article", "process_answer", "process_line", "hit_calculate")
    kit.space["process_punctuation"] = misc.process_punctuation
    pieces = list(lmms.PUNCTUATIONS) + list(lmms.CONTRACTIONS) + list(lmms.CONTRACTIONS.values()) + list(lmms.NUMBER_MAP) + lmms.ARTICLES * 5 + SPACES * 6 + ODD + \
        [" "] * 60 + [".", ",", "?", "'s", "'"] * 8 + ["U.S.A", "10.", "3.5", ".5", "1,000", "1, 000", "1,,000", "it's", "The", "A", "None", "dog", "Red", "$5", "50%"] * 3 + \
        list("0123456789") * 2
    normalized = []
    for i in range(1800):
        answer = some(pieces, 1, 9) if i % 40 else some([".", ". ", ".1", "a", "1."], 30, 60)
        plain = answer.replace("\n", " ").replace("\t", " ").strip()
        normalized.append([answer, lmms(answer), lmms.process_digit_article(lmms.process_punctuation(plain)), kit.process_answer(answer)])
    write("evalai", normalized)
    words = ["yes", "Yes", "yes.", "no", "the yes", "2", "two", "dont", "don't", "a", "blue", "Blue!", "10.", "10"]
    scores = []
    for _ in range(500):
        few = draw.sample(words, draw.randint(1, 4))
        answers = [draw.choice(few) for _ in range(draw.choice([10, 10, 10, 10, 1, 2, 3, 5, 9]))]
        answer = draw.choice(few + words[:2])
        ids = [{"answer": each, "answer_id": i} for i, each in enumerate(answers)]
        line = kit.process_line({"answer": repr(answers), "prediction": answer})
        kit.space["listinstr"] = lambda parts, name: any(part in name for part in parts)
        scores.append([answer, answers, text.textvqa_process_results({"answers": list(answers), "question_id": 0}, [answer])["exact_match"],
                       v2.vqav2_process_results({"answers": ids, "question_id": 0}, [answer])["exact_match"], kit.hit_calculate([line], "TextVQA")[0]])
    write("vqa", scores)


def anls():
    lmms = functions(LMMS, "HEAD", "lmms_eval/api/metrics.py", "levenshtein_distance", "anls")
    kit = functions(KIT, "HEAD", "vlmeval/dataset/utils/vqa_eval.py", "levenshtein_distance", "anls_compute", "process_line", "hit_calculate")
    kit.space["listinstr"] = lambda parts, name: any(part in name for part in parts)
    rows = []
    letters = list("abcdAB 12.") + SPACES + ODD
    for i in range(1600):
        golds = [some(letters, 0, draw.choice([2, 5, 9, 20])) for _ in range(draw.randint(1, 3))]
        answer = list(draw.choice(golds))
        for _ in range(draw.randint(0, 6)):
            at = draw.randint(0, len(answer))
            answer[at:at + draw.randint(0, 1)] = [draw.choice(letters)] * draw.randint(0, 2)
        answer = "".join(answer)
        score = lmms.anls(golds, [answer])["anls"]
        other = kit.hit_calculate([{"match": [kit.anls_compute(gold, answer) for gold in golds]}], "DocVQA")[0]
        assert score == other
        rows.append([answer, golds, score])
    write("anls", rows)


def relaxed():
    lmms = functions(LMMS, "HEAD", "lmms_eval/tasks/chartqa/utils.py", "relaxed_correctness").relaxed_correctness
    kit = functions(KIT, "HEAD", "vlmeval/dataset/utils/vqa_eval.py", "relaxed_correctness", "process_line")
    kit.space["Optional"] = Optional
    pieces = list("0123456789") * 3 + ["."] * 5 + [",", "%", "%%", "-", "+", "_", "e", "E", "inf", "nan", "Infinity", "\0", "yes", "Yes", "x"] + SPACES + ODD
    rows = []
    for i in range(2400):
        if i % 3 == 0:
            target = some(pieces, 1, 4)
            answer = target if draw.random() < 0.3 else some(pieces, 1, 4)
        elif i % 3 == 1:
            value = draw.choice([0, 1, 14, 100, 2.5, 1234.5, -3, 1e5, 0.07])
            target = draw.choice(["{}", "{}%", " {}", "{:.2f}", "{:e}"]).format(value)
            answer = draw.choice(["{}", "{}%", "{} ", "{}.", "{:_}", "\u00a0{}", "+{}", "{:,}"]).format(value * draw.choice([1, 1, 1.05, 0.95, 1.049999, 1.0500001, 0.9500001, 1.2, 0.01]))
        else:
            target = some(["yes", "No", " ", "ab", "\u0130", "\u03a3", "."], 1, 3)
            answer = draw.choice([target, target.upper(), target.lower(), target + " ", target + "."])
        rows.append([answer, target, 1.0 if lmms(answer, target) else 0.0, float(kit.process_line({"answer": target if not target.startswith("[") else "x", "prediction": answer},
                                                                                     "relaxed_accuracy")["match"][0])])
    write("relaxed", rows)


def choices():
    old = functions(LMMS, OLD, "lmms_eval/tasks/mmstar/utils.py", "exact_match").exact_match
    new = functions(LMMS, "HEAD", "lmms_eval/tasks/_task_utils/mcq_extract.py", "extract_mcq_answer", "_ANSWER_PHRASES", "_FORMAT_PRIORITY", "_DEFAULT_CHOICES")
    # annotated constants are not plain assignments
    science = functions(LMMS, "HEAD", "lmms_eval/tasks/scienceqa/utils.py", "sqa_doc_to_target", "sqa_process_results").sqa_process_results
    seed = functions(LMMS, "HEAD", "lmms_eval/tasks/seedbench/utils.py", "seed_process_result", "seed_aggregation_result")
    mmmu = functions(LMMS, "HEAD", "lmms_eval/tasks/_task_utils/mmmu_mcq_utils.py", "get_multi_choice_info", "parse_mmmu_multi_choice_response")
    kit = functions(KIT, "HEAD", "vlmeval/utils/matching_util.py", "_VERBOSE_ANSWER_RE", "can_infer_option", "can_infer_text", "can_infer")
    punctuation = str.maketrans("", "", string.punctuation)
    texts = ["a cat", "A dog", "the red one", "red", "12", "Both A and B", "none of these", "it is B", "", "Ärger", "C", "left of D", "1.5 kg"]
    leads = ["The answer is ", "the answer is", "Answer: ", "answer  is **", "Option ", "option ", "I think ", "So ", "(", "**", "The correct option is ", "답은 ", "答案是", "\u0130 i choose ",
             "I pick ", "My answer is ", "", "", "", "", "\n", " ", "Because A is big, ", "not ", "Sorry, I can't help with images of people yet.", "Cannot determine the answer ", "Z "]
    letters = list("ABCDEZabcd")
    tails = [".", ")", ":", ",", "!", "", "", "", " ", ". ", "'", '"', "**", "\n", " because it is so", " or ", " cat on the mat", "\U0001f600", "\u017f", "\U00010400", "?", "; "]
    rows = []
    for i in range(2600):
        options = [draw.choice(texts) for _ in range(draw.choice([2, 3, 4, 4, 4, 5]))]
        gold = draw.choice("ABCD"[:len(options)])
        answer = "".join(draw.choice(leads) + draw.choice(letters + [""] * 3 + options) + draw.choice(tails) for _ in range(draw.choice([1, 1, 1, 2, 3])))
        if i % 25 == 0:
            answer = draw.choice(letters + ["", " ", "(", "(b", "option", "option c", "the answer is d", "Option (C)", "\u212a. kelvin"])
        if i % 25 == 1:
            answer = draw.choice(["An\u017fwer \u0131s b", "ANSWER \u0130S C", "answer\x1cis\u3000d", "the answer is apple", "A B C D E F", "Z", "A x y z", "x A y z w v"])
        match = re.compile(r"^\s*([A-Z])\.").match(answer)
        plain = (match.group(1) if match else answer).lower().translate(punctuation)
        index = {"A": 0, "B": 1, "C": 2, "D": 3}[gold]
        pred = seed.seed_process_result({"answer": gold, "data_type": "image", "question_id": 0}, [answer])["seed_all"]
        index2ans, all_choices = mmmu.get_multi_choice_info(options)
        rows.append([answer, options, gold, old(answer, gold), new.extract_mcq_answer(answer, choices=["A", "B", "C", "D"]),
                     science({"choices": options, "answer": index}, [answer])["exact_match"], 1.0 if plain == gold.lower() else 0.0, float(seed.seed_aggregation_result([pred])),
                     kit.can_infer(answer, dict(index2ans)) or None, mmmu.parse_mmmu_multi_choice_response(answer, all_choices, index2ans)])
    write("choices", rows)


def mmmu_open():
    official = functions(LMMS, "HEAD", "lmms_eval/tasks/mmmu/utils.py", "extract_numbers", "check_is_number", "normalize_str", "parse_open_response", "eval_open")
    kit = functions(KIT, "HEAD", "vlmeval/utils/matching_util.py", "_VERBOSE_ANSWER_RE", "can_infer_option", "can_infer_text", "can_infer").can_infer
    pieces = ["so ", "is ", "Therefore ", "the answer ", "final ", "result ", "=", "= ", "could be ", "thus ", ". ", ".", "\n", " ", " ", ",", ":", "A", "x", "e5", "E-3", "e", "-", "$", "%", "_",
              "hepatitis", "Hepatitis B", "left"] + ["1", "2", "42", "0.5", ".5", "2.675", "0.125", "1,000", "1,234,567", "12,34", "1,2345", "1.2.3e5", "1e400", "3.", "\u0663", "\u00b2", "\U0001d7d9",
                                                     "inf", "nan", "9.995", "1.005", "x1,000", "1,000x", "-7"] * 2
    golds = ["42", "0.5", "-7", "1000", "1,000", "2.67", "2.68", "0.12", "0.13", "hepatitis", "Hepatitis B", "x", "A", "left", "inf", "nan", "3", "1", "1e5", "\u0663", "", "9.99", "10", "1.0", "1.01", "e"]
    rows = []
    for _ in range(2200):
        answer = some(pieces, 1, 8)
        gold = draw.sample(golds, draw.choice([1, 1, 1, 2]))
        numbers = official.extract_numbers(answer)
        rows.append([answer, gold, 1.0 if official.eval_open(gold if len(gold) > 1 else gold[0], official.parse_open_response(answer)) else 0.0,
                     1.0 if any(kit(answer, {"A": each, "B": "Other Answers"}) == "A" for each in gold) else 0.0, [repr(float(number.replace(",", ""))) for number in numbers]])
    write("mmmu_open", rows)


def yes_no():
    mme = functions(LMMS, "HEAD", "lmms_eval/tasks/mme/utils.py", "parse_pred_ans", "mme_aggregate_results")
    pope = functions(LMMS, "HEAD", "lmms_eval/tasks/pope/utils.py", "pope_process_results", "pope_aggregate_accuracy", "pope_aggregate_precision", "pope_aggregate_recall",
                     "pope_aggregate_f1_score", "pope_aggregate_yes_ratio")
    misc = functions(KIT, "HEAD", "vlmeval/smp/misc.py", "process_punctuation")
    kit = functions(KIT, "HEAD", "vlmeval/dataset/utils/yorn.py", "YOrN_Extraction")
    kit.space["process_punctuation"] = misc.process_punctuation
    pieces = ["yes", "Yes", "YES", "no", "No", "not", "nope", "eyes", "y", "N", "a", "i", "the answer is ", ".", ",", "!", ". ", ", ", " ", " ", "  ", "\n", "1", "-", "'", "\U0001f600", "\u0130", "\u017f"]
    rows = []
    for _ in range(1200):
        answer = some(pieces, 0, 5)
        rows.append([answer, mme.parse_pred_ans(answer), answer.lower().strip(), {"Yes": "yes", "No": "no", "Unknown": "other"}[kit.YOrN_Extraction(answer)]])
    write("yes_no", rows)
    sets = []
    for _ in range(30):
        items = [[draw.choice(["yes", "no"]), draw.choice(["yes", "no", "Yes", "No ", "yes.", "maybe"])] for _ in range(draw.randint(1, 12))]
        results = [pope.pope_process_results({"answer": truth, "question_id": 0}, [said]) for truth, said in items]
        sets.append([items] + [getattr(pope, f"pope_aggregate_{name}")([result[f"pope_{name}"] for result in results]) for name in ["accuracy", "precision", "recall", "f1_score", "yes_ratio"]])
    write("pope", sets)
    totals = []
    for _ in range(30):
        results = [{"question_id": f"{category}{image}", "category": category, "score": float(draw.random() < 0.6)}
                   for category in draw.sample(["count", "OCR", "scene"], draw.randint(1, 3)) for image in range(draw.randint(1, 5)) for _ in range(2)]
        totals.append([[[result["category"], result["question_id"], result["score"]] for result in results], mme.mme_aggregate_results(results)])
    write("mme", totals)


def ocrbench():
    old = functions(LMMS, OLD, "lmms_eval/tasks/ocrbench/utils.py", "ocrbench_process_results").ocrbench_process_results
    new = functions(LMMS, "HEAD", "lmms_eval/tasks/ocrbench/utils.py", "_fold_fullwidth_ascii", "ocrbench_process_results").ocrbench_process_results
    pieces = ["CENTRE", "centre", "\uff23\uff25", "\uff11", "1", "\\frac", "\\Delta", "x ^ { 2 }", "X", "{", "}", " ", " ", "\n", "\u3000", "\u0130", "\u03a3", "\u00df", ".", "$5", "\x1c"]
    rows = []
    for _ in range(1200):
        golds = [some(pieces, 0 if draw.random() < 0.05 else 1, 3) for _ in range(draw.randint(1, 3))]
        answer = some(pieces, 0, 2) + draw.choice([draw.choice(golds), draw.choice(golds).lower(), draw.choice(golds).replace(" ", ""), some(pieces, 0, 3)]) + some(pieces, 0, 2)
        dataset = draw.choice(["HME100k", "IIIT5K", "docVQA"])
        doc = {"answer": golds, "dataset": dataset, "question_type": ""}
        rows.append([answer, golds, dataset] + [float(each(doc, [answer])["ocrbench_accuracy"]["score"]) for each in (old, new)] + [kit_ocrbench(answer, golds, dataset == "HME100k")])
    write("ocrbench", rows)


def kit_ocrbench(predict, answers, formula):
    """VLMEvalKit's loop is inside a method that reads files: the condition it tests, in our words."""
    for answer in answers:
        if formula:
            answer, predict = ("".join(part for part in text.strip().replace("\n", " ").split(" ")) for text in (answer, predict))
        else:
            answer, predict = (text.lower().strip().replace("\n", " ") for text in (answer, predict))
        if answer in predict:
            return 1.0
    return 0.0


def captions():
    bleu = functions(COCO, "HEAD", "bleu/bleu_scorer.py", "precook", "cook_refs", "cook_test", "BleuScorer")
    cider = functions(COCO, "HEAD", "cider/cider_scorer.py", "precook", "cook_refs", "cook_test", "CiderScorer")
    rouge = functions(COCO, "HEAD", "rouge/rouge.py", "my_lcs", "Rouge").Rouge()
    words = "a a a the the man woman dog on in red bike riding street with and is two".split()
    rows = []
    for i in range(40):
        corpus = [[some(words, 0 if i % 8 == 0 else 1, 12, draw.choice([" ", " ", "  "])), [some(words, 1, 12, " ") for _ in range(draw.randint(1, 5))]] for _ in range(draw.randint(1, 12))]
        one, two = bleu.BleuScorer(n=4), cider.CiderScorer(n=4, sigma=6.0)
        for caption, references in corpus:
            one += (caption, references)
            two += (caption, references)
        rows.append([corpus, one.compute_score(option="closest")[0], list(two.compute_score()[1]), [rouge.calc_score([caption], references) for caption, references in corpus]])
    write("captions", rows)


def text():
    """Python's own reading of text and numbers."""
    rows = []
    pieces = list("0123456789") * 2 + list(".-+_eE ") + ["inf", "nan", "INF", "infinity", "\u0663", "\uff11", "\U0001d7d9", "\x1c", "\u00a0", "\0", "x", ",", "1e400", "1e-400", "0x1", "\u00b2"]
    for _ in range(1500):
        number = some(pieces, 1, 6)
        try:
            value = repr(float(number))
        except ValueError:
            value = None
        rows.append([number, value])
    write("float", rows)
    rows = []
    for _ in range(1500):
        value = draw.choice([draw.uniform(-10, 10), draw.randint(-9999, 9999) / 1000, draw.randint(-999, 999) / 8, draw.uniform(-1e9, 1e9), draw.uniform(-1, 1) * 10.0 ** draw.randint(-320, 300)])
        rows.append([repr(value), repr(round(value, 2))])
    write("round", rows)
    tables = {
        "space": [i for i in range(0x110000) if chr(i).isspace()],
        "digit": [i for i in range(0x110000) if re.match(r"\d", chr(i))],
        "lower": [[i, chr(i).lower()] for i in range(0x110000) if not 0xD800 <= i < 0xE000 and chr(i).lower() != chr(i)],
        "upper": [[i, len(chr(i).upper())] for i in range(0x110000) if not 0xD800 <= i < 0xE000 and len(chr(i).upper()) != 1],
    }
    write("characters", [tables])


def checks():
    for make in (vqa, anls, relaxed, choices, mmmu_open, yes_no, ocrbench, captions, text):
        make()


checks()
