"""nDCG@10 of bm25s (its Lucene variant) over the terms that `examples/eval --tokens DIR` wrote: once over the passages,
the best of which stands for its document, and once over whole documents."""

import json
import math
import sys
from collections import defaultdict
from pathlib import Path

import bm25s


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def ndcg(ranking, judgements):
    def gain(grades):
        return sum((2**grade - 1) / math.log2(place + 2) for place, grade in enumerate(grades[:10]))

    best = gain(sorted(judgements.values(), reverse=True))
    return gain([judgements.get(document, 0) for document in ranking]) / best if best else 0.0


def mean_ndcg(units, queries, **parameters):
    """`units`: pairs of document and terms."""
    vocabulary = {}
    for _, terms in units:
        for term in terms:
            vocabulary.setdefault(term, len(vocabulary))
    corpus = [[vocabulary[term] for term in terms] for _, terms in units]
    model = bm25s.BM25(method="lucene", **parameters)
    model.index((corpus, {str(term): number for term, number in vocabulary.items()}), show_progress=False)
    total = 0.0
    for query in queries:
        known = [vocabulary[term] for term in query["terms"] if term in vocabulary]
        best = defaultdict(float)
        if known:
            for (document, _), score in zip(units, model.get_scores_from_ids(known)):
                best[document] = max(best[document], float(score))
        ranking = sorted((d for d in best if best[d] > 0), key=lambda d: (-best[d], d))
        total += ndcg(ranking, query["judgements"])
    return total / len(queries)


def main():
    directory = Path(sys.argv[1])
    passages = [(line["document"], line["terms"]) for line in lines(directory / "passages.jsonl")]
    queries = lines(directory / "queries.jsonl")
    whole = defaultdict(list)
    for document, terms in passages:
        whole[document].extend(terms)
    for unit, units in (("passages", passages), ("documents", list(whole.items()))):
        for k1 in (1.2, 1.5):
            value = mean_ndcg(units, queries, k1=k1, b=0.75)
            print(json.dumps({"algorithm": f"bm25s over {unit}, k1={k1}", "kind": "all", "ndcg_at_10": round(value, 4)}))


main()
