"""Every verb with its line of help, so that listing and suggesting verbs imports none of them."""

from __future__ import annotations

SECTIONS: tuple[tuple[str, dict[str, str]], ...] = (
    (
        "Start",
        {
            "init": "Put a folder under version control.",
            "config": "Read and write settings.",
        },
    ),
    (
        "Change",
        {
            "add": "Stage new, changed and removed files.",
            "rm": "Remove files from the working copy and from the next commit.",
            "mv": "Move or rename files.",
            "status": "Show what is staged, changed, untracked and in conflict.",
            "commit": "Record what is staged.",
            "restore": "Bring files back from a commit, or unstage them.",
            "scan": "Read the facts of pictures and videos again.",
            "stash": "Shelve changes and bring them back.",
        },
    ),
    (
        "Look",
        {
            "log": "Show the commits that led to a revision.",
            "show": "Show a commit and what it changed.",
            "diff": "Show which files and rows differ.",
            "blame": "Show which commit last changed a file or an annotation.",
            "ls": "List the files of a revision.",
            "cat": "Write a file of a revision to standard output.",
            "du": "Show how much space a revision and the store take.",
            "stats": "Show how many, how large and how long, in bars.",
            "query": "Find pictures and annotations by what they are.",
            "sql": "Run a SELECT over files, items and history.",
            "check-ignore": "Show which rule ignores a path.",
        },
    ),
    (
        "Label",
        {
            "annotate": "Add an annotation to a file, or remove some.",
            "annotations": "List the annotations of a file.",
            "metadata": "Set, show, remove and import metadata of files.",
            "label": "List and change the labels that there are.",
            "copy": "Copy files with their labels and metadata.",
            "frames": "Take frames out of videos as pictures.",
            "split": "Divide files into training, validation and held-out ones.",
            "import": "Import labels of another format.",
            "export": "Write labels in another format.",
            "runs": "List imports and model runs, and take back what one did.",
        },
    ),
    (
        "Branch and merge",
        {
            "branch": "List, create and delete branches.",
            "checkout": "Switch to a branch or look at any revision.",
            "switch": "Switch to a branch.",
            "merge": "Bring the changes of another revision into this branch.",
            "conflicts": "List what a merge could not decide.",
            "resolve": "Decide conflicts by taking one side.",
            "tag": "List, create and delete tags.",
            "revert": "Commit the opposite of a commit, an import or an author's labels.",
            "cherry-pick": "Commit the changes of a commit again, here.",
        },
    ),
    (
        "Go back",
        {
            "undo": "Take back the last operation.",
            "redo": "Do again what was undone.",
            "operations": "List everything that was done to this repository.",
        },
    ),
    (
        "Care",
        {
            "gc": "Free the space of what nothing refers to any more.",
            "fsck": "Check that everything stored is there and intact.",
            "doctor": "Describe the repository, the machine and the settings.",
            "version": "Print the version.",
            "completion": "Print the completion script of a shell.",
        },
    ),
)

VERBS: dict[str, str] = {verb: line for _, verbs in SECTIONS for verb, line in verbs.items()}
