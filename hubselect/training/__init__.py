"""Fine-tuning and feature extraction: the only room that imports torch, transformers and datasets.

    data.load_splits               the examples of a dataset under a recipe
    finetuning.FineTuning          staged, resumable fine-tuning of one checkpoint
    features.forward_features      source posterior and pooled features for proxy scores
    saved.evaluate_saved           the test score of a saved checkpoint

It decides nothing (policies do), downloads no weights (`hub` does) and knows no registry. This
file imports nothing, so that asking for a part costs that part only.
"""
