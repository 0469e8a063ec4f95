//! What is taken, what is refused, and what is read back.

use super::*;

#[test]
fn samples_are_read_back_and_survive_a_restart() {
    let dir = Dir::new("restart");
    let expected = "__name__=a,x=1 10=1 20=2\n__name__=b 10=5 30=6\n";
    {
        let db = dir.open(Options::default());
        assert_eq!(put(&db, "__name__=b@10=5 __name__=a,x=1@10=1"), []);
        assert_eq!(put(&db, "__name__=a,x=1@20=2 __name__=b@30=6"), []);
        assert_eq!(get(&db, &all()), expected);
        db.close().unwrap();
    }
    let db = dir.open(Options::default());
    assert_eq!(get(&db, &all()), expected);
    assert_eq!(db.damage(), [""; 0]);
    assert_eq!(put(&db, "__name__=a,x=1@30=3 __name__=c@30=3"), []);
    drop(db);
    let db = dir.open(Options::default());
    assert_eq!(
        get(&db, &all()),
        "__name__=a,x=1 10=1 20=2 30=3\n__name__=b 10=5 30=6\n__name__=c 30=3\n"
    );
}
