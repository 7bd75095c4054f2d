//! Conditions on documents.

use super::*;

fn holds(condition: &str, document: &str) -> bool {
    parse(condition).unwrap().holds(Some(document)).unwrap()
}

#[test]
fn paths_reach_through_objects_and_arrays_of_objects() {
    let document = r#"{"a":{"b":[{"c":1},{"c":[2,"x"]},3],"e":"}\"{"},"z":null}"#;
    let at = |path: &str, test: &str| holds(&format!(r#"{{"at":[{path},{test}]}}"#), document);
    assert!(at(r#"["a","b","c"]"#, r#"{"among":[1]}"#));
    assert!(at(r#"["a","b","c"]"#, r#"{"among":[2.0]}"#));
    assert!(at(r#"["a","b","c"]"#, r#"{"among":[[2,"x"]]}"#));
    assert!(at(r#"["a","b","1","c"]"#, r#"{"among":["x"]}"#));
    assert!(!at(r#"["a","b","0","c"]"#, r#"{"among":["x"]}"#));
    assert!(at(r#"["a","e"]"#, r#"{"among":["}\"{"]}"#));
    assert!(at(r#"["a","b"]"#, r#"{"above":2}"#));
    assert!(!at(r#"["a","b"]"#, r#"{"above":3}"#));
    assert!(at(r#"["z"]"#, r#""exists""#));
    assert!(!at(r#"["y"]"#, r#""exists""#));
    assert!(at(r#"["y"]"#, r#"{"among":[null]}"#));
    assert!(at(
        r#"["a","b"]"#,
        r#"{"element":{"at":[["c"],{"least":1}]}}"#
    ));
}

#[test]
fn fields_are_those_of_objects_and_arrays() {
    let of_elements = |document: &str, condition: &str| {
        holds(
            &format!(r#"{{"at":[["a"],{{"element":{condition}}}]}}"#),
            document,
        )
    };
    let lacks = r#"{"at":[["b"],{"among":[null]}]}"#;
    let not = r#"{"not":{"at":[["b"],"exists"]}}"#;
    for condition in [lacks, not] {
        assert!(!of_elements(r#"{"a":[1,"x",null]}"#, condition));
        assert!(!of_elements(r#"{"a":[{"b":1}]}"#, condition));
        assert!(of_elements(r#"{"a":[1,{}]}"#, condition));
        assert!(of_elements(r#"{"a":[[{"b":1}]]}"#, condition));
    }
    assert!(of_elements(
        r#"{"a":[[4,5]]}"#,
        r#"{"at":[["1"],{"among":[5]}]}"#
    ));
    assert!(of_elements(r#"{"a":[5]}"#, r#"{"at":[[],{"among":[5]}]}"#));
    assert!(!holds(
        r#"{"at":[["a","0","b"],{"among":[null]}]}"#,
        r#"{"a":[1]}"#
    ));
    assert!(!holds(r#"{"at":[["a","01"],"exists"]}"#, r#"{"a":[1,2]}"#));
}

#[test]
fn types_do_not_mix() {
    let document = r#"{"flag":true,"number":1,"text":"1"}"#;
    let at = |path: &str, test: &str| holds(&format!(r#"{{"at":[["{path}"],{test}]}}"#), document);
    assert!(!at("flag", r#"{"among":[1]}"#));
    assert!(!at("text", r#"{"among":[1]}"#));
    assert!(!at("text", r#"{"least":0}"#));
    assert!(at("number", r#"{"among":[1.0]}"#));
    assert!(at("flag", r#"{"above":false}"#));
}

#[test]
fn integers_beyond_floats_stay_exact() {
    let document = r#"{"n":9007199254740993}"#;
    assert!(holds(
        r#"{"at":[["n"],{"among":[9007199254740993]}]}"#,
        document
    ));
    assert!(!holds(
        r#"{"at":[["n"],{"among":[9007199254740992]}]}"#,
        document
    ));
    assert!(holds(
        r#"{"at":[["n"],{"above":9007199254740992.0}]}"#,
        document
    ));
}

#[test]
fn patterns_take_linear_steps() {
    let run: Vec<&str> = std::iter::repeat_n(r#""run",{"one":"a"}"#, 30).collect();
    let pattern = format!(
        r#"{{"at":[["t"],{{"glob":[{},{{"one":"b"}}]}}]}}"#,
        run.join(",")
    );
    assert!(!holds(
        &pattern,
        &format!(r#"{{"t":"{}"}}"#, "a".repeat(2000))
    ));
    let set = r#"{"at":[["t"],{"glob":["any",{"set":[false,[["a","f"]]]},"run"]}]}"#;
    assert!(holds(set, r#"{"t":"xyz"}"#));
    assert!(!holds(set, r#"{"t":"xaz"}"#));
}

#[test]
fn keys_sort_as_values_do() {
    let key = |document: &str| {
        sort_key(Some(document), &Path::from(vec!["a".to_owned()]), false).unwrap()
    };
    let ascending = [
        r#"{"a":[]}"#,
        r#"{}"#,
        r#"{"a":-1e300}"#,
        r#"{"a":-1}"#,
        r#"{"a":0}"#,
        r#"{"a":[3,2]}"#,
        r#"{"a":2.5}"#,
        r#"{"a":""}"#,
        r#"{"a":"a"}"#,
        r#"{"a":"é"}"#,
        r#"{"a":{}}"#,
        r#"{"a":false}"#,
        r#"{"a":true}"#,
    ];
    for pair in ascending.windows(2) {
        assert!(key(pair[0]) < key(pair[1]), "{pair:?}");
    }
    assert_eq!(key(r#"{"a":0}"#), key(r#"{"a":-0.0}"#));
}

#[test]
fn malformed_text_is_an_error() {
    let condition = parse(r#"{"at":[["a","b"],"exists"]}"#).unwrap();
    for text in [
        "",
        "{",
        "{\"",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":{",
        "{\"a\":[",
        "{\"a\":{\"b\\",
        "{\"a\"}",
    ] {
        assert!(condition.holds(Some(text)).is_err(), "{text}");
    }
}
